// What the film will show, part by part: one large, all of them small below it, and its draft.
const KEPT = new WeakMap();

export default function ({ parentElement: root, data }) {
  const seen = KEPT.get(root) ?? { at: null, rev: null, drawn: null };
  KEPT.set(root, seen);
  const by = new Map(data.items.map((item) => [item.id, item]));
  // The page points at what was just edited; else it stays where a person left it.
  if (data.show.rev !== seen.rev) Object.assign(seen, { rev: data.show.rev, at: data.show.id });
  if (!by.has(seen.at)) seen.at = data.items[0].id;

  const monitor = root.querySelector(".monitor");
  const [wide, high] = data.ratio.split(":").map(Number);
  monitor.style.setProperty("--ratio", `${wide} / ${high}`);
  monitor.style.setProperty("--share", wide / high);
  root.querySelector(".stage").classList.toggle("wide", wide > 1.5 * high);
  const frame = root.querySelector(".frame");
  const reel = root.querySelector(".reel");

  const draw = () => {
    const item = by.get(seen.at);
    const same = JSON.stringify([item, data.fill, data.ratio]);
    if (seen.drawn !== same) {
      seen.drawn = same;
      show(frame, item, data.fill);
    }
    const note = root.querySelector(".note");
    note.replaceChildren(text("b", item.title), ` · ${item.note ?? ""} `);
    if (item.remark) note.append(text("span", item.remark, item.old ? "old" : ""));
    for (const button of reel.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.id === seen.at));
    }
  };

  const shape = JSON.stringify(data.items.map((item) => [item.id, item.thumb, item.label, item.url]));
  if (seen.reel !== shape) {
    seen.reel = shape;
    reel.replaceChildren(...data.items.map((item) => thumb(item)));
  }
  for (const button of reel.querySelectorAll("button")) {
    button.onclick = () => {
      seen.at = button.dataset.id;
      draw();
    };
  }
  reel.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const all = [...reel.querySelectorAll("button")];
    const next = all[all.findIndex((button) => button.dataset.id === seen.at) + step];
    if (!step || !next) return;
    event.preventDefault();
    next.focus();
    next.click();
  };
  draw();
}

function thumb(item) {
  const li = document.createElement("li");
  if (item.kind === "film") li.className = "draft";
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.id = item.id;
  button.setAttribute("aria-label", item.title);
  const media = document.createElement(item.thumb ? "img" : "video");
  media.className = item.kind;
  media.src = item.thumb || item.url;
  if (item.thumb) media.alt = "";
  else Object.assign(media, { muted: true, preload: "metadata", playsInline: true });
  button.append(media, text("span", item.label));
  li.append(button);
  return li;
}

function show(frame, item, fill) {
  const parts = [];
  const still = (url, name) => Object.assign(document.createElement("img"), { src: url, alt: "", className: name });
  if (item.kind === "card") {
    const card = still(item.url, "");
    card.alt = item.title;
    parts.push(card);
  } else {
    if (fill === "blur" && item.thumb && item.kind === "clip") parts.push(still(item.thumb, "behind"));
    const video = document.createElement("video");
    Object.assign(video, { src: item.url, playsInline: true, preload: "metadata", poster: item.poster ?? "" });
    if (!item.poster) video.removeAttribute("poster");
    video.setAttribute("aria-label", item.title);
    if (item.fits) video.className = "fits";
    if (item.kind === "film") video.controls = true;
    else {
      Object.assign(video, { muted: true, loop: true });
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) video.autoplay = true;
    }
    parts.push(video);
    if (item.over) {
      const band = still(item.over.url, "over");
      band.alt = item.over.alt;
      Object.assign(band.style, { left: `${item.over.left}%`, top: `${item.over.top}%`, width: `${item.over.width}%` });
      parts.push(band);
    }
  }
  // A clip that plays already goes on when only the words over it change.
  const old = frame.querySelector("video");
  const fresh = parts.find((part) => part.tagName === "VIDEO");
  if (old && fresh && old.getAttribute("src") === fresh.getAttribute("src") && old.controls === fresh.controls) {
    old.className = fresh.className;
    for (const part of [...frame.children]) if (part !== old) part.remove();
    for (const part of parts) {
      if (part === fresh) continue;
      if (part.className === "behind") old.before(part);
      else frame.append(part);
    }
    return;
  }
  frame.replaceChildren(...parts);
}

function text(tag, words, name) {
  const element = document.createElement(tag);
  element.textContent = words;
  if (name) element.className = name;
  return element;
}
