// One slide at a time. All words come out of the document's own data and are set as text.
"use strict";
const byId = (id) => document.getElementById(id);
const deck = JSON.parse(byId("deck").textContent);
const { slides, door } = deck;
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const IDLE_MS = 2500;
const SWIPE_PX = 48;
const SHAPES = {
  play: ["M7 4.5v15l13-7.5z"],
  pause: ["M6 4.5h4.5v15H6z", "M13.5 4.5H18v15h-4.5z"],
  sound: ["M4 9v6h4l5 4.5v-15L8 9z", "line M16.5 8.5a5 5 0 0 1 0 7", "line M19 6a8.5 8.5 0 0 1 0 12"],
  silent: ["M4 9v6h4l5 4.5v-15L8 9z", "line M17 9.5l5 5", "line M22 9.5l-5 5"],
  close: ["M5 5l14 14", "M19 5L5 19"],
  approved: ["M5 12.5l4.5 4.5L19 7.5"],
  rejected: ["M6 6l12 12", "M18 6L6 18"],
  open: [],
};
const SAID = { approved: "Chosen", rejected: "Left out", open: "Undecided" };

// ---- parts

function make(tag, name = "", ...inside) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...inside);
  return element;
}

// People's words, in whatever script and direction they come.
function told(tag, name, words) {
  const element = make(tag, name, words);
  element.dir = "auto";
  return element;
}

function icon(name) {
  const SVG = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const shape of SHAPES[name]) {
    const path = document.createElementNS(SVG, "path");
    if (shape.startsWith("line ")) path.setAttribute("class", "line");
    path.setAttribute("d", shape.replace("line ", ""));
    svg.append(path);
  }
  return svg;
}

function button(name, label, press) {
  const element = make("button", name);
  element.type = "button";
  element.setAttribute("aria-label", label);
  element.onclick = press;
  return element;
}

const clock = (seconds) => {
  const whole = Math.floor(seconds || 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const tiny = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 2 });

// What a step cost, never said to be free or complete when a price is not known.
function known(step) {
  const sum = Number(step.cost);
  if (!sum && step.unpriced) return "Unknown";
  return sum > 0 && sum < 0.01 ? `$${tiny.format(sum)}` : dollars.format(sum);
}
const price = (step) => (step.unpriced && Number(step.cost) ? `at least ${known(step)}` : known(step));

const long = (words, some, many) => (words.length > many ? "longest" : words.length > some ? "long" : "");

// ---- files

// An address of this server, or what the document itself carries; that is unpacked once, when
// it is needed, because a film played out of an address this long cannot be wound.
const unpacked = new Map();
function address(id) {
  if (door.files) return door.files + id;
  if (!unpacked.has(id)) {
    const holder = byId(`file-${id}`);
    const [head, data] = holder.textContent.split(",");
    holder.remove();
    const letters = atob(data);
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
    const type = head.slice("data:".length, head.indexOf(";"));
    unpacked.set(id, URL.createObjectURL(new Blob([bytes], { type })));
  }
  return unpacked.get(id);
}

function picture(item, name = "") {
  const img = make("img", name);
  img.src = address(item.id);
  img.alt = item.label;
  img.draggable = false;
  img.style.objectPosition = `${item.focus[0] * 100}% ${item.focus[1] * 100}%`;
  return img;
}

function mark(word) {
  const element = make("span", `mark ${word}`, icon(word));
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", SAID[word]);
  return element;
}

function frame(item) {
  const element = make("figure", "frame");
  element.style.setProperty("--ratio", item.ratio);
  element.dataset.ratio = item.ratio;
  return element;
}

// ---- playing

// A clip plays round and round without a sound; a film has one, and ways to wind it.
function player(item, film) {
  const box = frame(item);
  const video = make("video");
  Object.assign(video, { src: address(item.id), preload: "auto", playsInline: true, loop: !film, muted: !film });
  video.setAttribute("aria-label", item.label || "Clip");
  box.append(video);
  if (item.poster) box.append(picture({ ...item, id: item.poster }, "poster"));
  const begin = button("begin", "Play", () => toggle(video));
  begin.append(icon("play"));
  box.append(begin);
  video.onplaying = () => box.classList.add("begun", "playing");
  video.onpause = () => box.classList.remove("playing");
  video.onerror = () => {
    begin.remove();
    box.append(make("p", "failed", "This browser cannot play it."));
  };
  return { box, video };
}

function follow(video, events, draw) {
  for (const what of events) video.addEventListener(what, draw);
  draw();
}

function pause(video) {
  const element = button("", "Play", () => toggle(video));
  follow(video, ["play", "pause"], () => {
    element.replaceChildren(icon(video.paused ? "play" : "pause"));
    element.setAttribute("aria-label", video.paused ? "Play" : "Pause");
  });
  return element;
}

function winding(video) {
  const scrub = range("scrub", "Position", 0);
  const time = make("span", "time");
  scrub.oninput = () => {
    if (video.duration) video.currentTime = scrub.value * video.duration;
  };
  follow(video, ["timeupdate", "loadedmetadata", "ended"], () => {
    time.textContent = `${clock(video.currentTime)} / ${clock(video.duration)}`;
    scrub.value = video.duration ? video.currentTime / video.duration : 0;
  });
  return [scrub, time];
}

function sound(video) {
  const mute = button("mute", "Sound off", () => (video.muted = !video.muted));
  const volume = range("volume", "Volume", 1);
  volume.oninput = () => Object.assign(video, { volume: volume.value, muted: volume.value === "0" });
  follow(video, ["volumechange"], () => {
    mute.replaceChildren(icon(video.muted ? "silent" : "sound"));
    mute.setAttribute("aria-label", video.muted ? "Sound on" : "Sound off");
    volume.value = video.muted ? 0 : video.volume;
  });
  return [mute, volume];
}

function range(name, label, value) {
  const input = make("input", name);
  Object.assign(input, { type: "range", min: 0, max: 1, step: 0.001, value });
  input.setAttribute("aria-label", label);
  // Arrows belong to the slides again once the pointer has let go.
  input.onpointerup = () => input.blur();
  return input;
}

const toggle = (video) => (video.paused ? start(video) : video.pause());

// Browsers refuse sound before the first press of a key: then it plays without.
async function start(video) {
  try {
    await video.play();
  } catch (error) {
    if (error.name !== "NotAllowedError" || video.muted) return;
    video.muted = true;
    await video.play().catch(() => {});
  }
}

// ---- the kinds of slides

function headed(slide, ...rest) {
  const header = make("header", "", told("h1", "", slide.heading));
  if (slide.aside) header.append(told("p", "aside", slide.aside));
  return [header, ...rest];
}

function grid(slide, judged) {
  const cells = make("div", "grid");
  cells.dataset.count = slide.items.length;
  for (const [n, item] of slide.items.entries()) {
    const tile = make("figure", `tile ${judged ? item.mark : ""}`, picture(item));
    tile.style.setProperty("--n", n);
    tile.style.setProperty("--ratio", deck.ratio);
    if (item.label) tile.append(make("figcaption", "pill view", make("span", "", item.label)));
    if (judged) tile.append(mark(item.mark), ...remarks(item));
    cells.append(tile);
  }
  return make("div", "room", cells);
}

function remarks(item) {
  const under = make("div", "under");
  if (item.reason) under.append(make("p", "pill", make("span", "", item.reason)));
  if (item.note) under.append(told("p", "note", item.note));
  return under.childElementCount ? [under] : [];
}

function decision(item) {
  const words = item.reason ? `${SAID[item.mark]}, ${item.reason}` : SAID[item.mark];
  return make("span", "decided", mark(item.mark), words);
}

const KINDS = {
  title(slide) {
    const parts = [told("h1", long(slide.heading, 40, 120), slide.heading)];
    if (slide.words) parts.push(told("p", "words", slide.words));
    return [...parts, make("p", "aside", slide.aside)];
  },
  brief(slide) {
    const foot = make("div", "foot");
    if (slide.items.length) foot.append(make("div", "photos", ...slide.items.map((item) => picture(item))));
    if (slide.tags.length) foot.append(make("ul", "tags", ...slide.tags.map((tag) => told("li", "", tag))));
    return headed(slide, make("div", "room", told("blockquote", long(slide.words, 160, 500), slide.words), foot));
  },
  pictures: (slide) => headed(slide, grid(slide, false)),
  picks: (slide) => headed(slide, grid(slide, true)),
  picture(slide) {
    const box = frame(slide.items[0]);
    box.append(picture(slide.items[0]));
    return headed(slide, make("div", "room", box));
  },
  clip(slide) {
    const [item] = slide.items;
    const { box, video } = player(item, false);
    const line = make("div", "told controls", pause(video), decision(item));
    if (slide.words) line.append(told("p", "words", slide.words));
    if (item.note) line.append(told("p", "note", item.note));
    return headed(slide, make("div", "room", box), line);
  },
  film(slide) {
    const { box, video } = player(slide.items[0], true);
    const row = make("div", "controls", pause(video), ...winding(video), ...sound(video));
    return headed(slide, make("div", "room", box), row);
  },
  cost(slide) {
    const least = slide.spent.unpriced && Number(slide.spent.cost) ? "at least, for " : "";
    const sum = make("div", "", make("p", "sum", known(slide.spent)), make("p", "", least + slide.aside));
    const most = Math.max(...slide.steps.map((step) => Number(step.cost)));
    const rows = slide.steps.flatMap((step) => {
      const bar = make("dd", most ? "bar" : "", make("i"));
      bar.style.setProperty("--share", most ? `${(100 * step.cost) / most}%` : "0%");
      const calls = `${step.calls} call${step.calls === 1 ? "" : "s"}`;
      return [make("dt", "", step.name), bar, make("dd", "price", price(step)), make("dd", "calls", calls)];
    });
    const parts = [make("div", "room", sum, make("dl", "steps", ...rows))];
    if (slide.words) parts.push(make("p", "words", slide.words));
    return headed({ heading: slide.heading }, ...parts);
  },
};

// ---- one at a time

const stage = byId("stage");
const built = [];
let at = -1;

function slideAt(n) {
  if (!built[n]) {
    built[n] = make("section", `slide ${slides[n].kind}`, ...KINDS[slides[n].kind](slides[n]));
    built[n].hidden = true;
    stage.append(built[n]);
  }
  return built[n];
}

// As large as the room allows: pictures in the number of columns that makes them largest.
function fit(section) {
  for (const room of section.querySelectorAll(".room")) {
    const { clientWidth: wide, clientHeight: high } = room;
    for (const cells of room.querySelectorAll(".grid")) {
      const gap = parseFloat(getComputedStyle(cells).columnGap);
      const count = Number(cells.dataset.count);
      const sizes = Array.from({ length: count }, (_, n) => {
        const rows = Math.ceil(count / (n + 1));
        return Math.min((wide - n * gap) / (n + 1), ((high - (rows - 1) * gap) / rows) * deck.ratio);
      });
      const best = Math.max(...sizes);
      cells.style.setProperty("--columns", sizes.indexOf(best) + 1);
      cells.style.setProperty("--wide", `${best}px`);
    }
    for (const box of room.querySelectorAll(".frame")) {
      box.style.setProperty("--most", `${high * box.dataset.ratio}px`);
    }
  }
}

function show(n) {
  const next = Math.min(Math.max(n, 0), slides.length - 1);
  if (next === at) return;
  const before = built[at];
  const section = slideAt(next);
  const slide = slides[next];
  if (before) {
    before.hidden = true;
    for (const video of before.querySelectorAll("video")) video.pause();
  }
  section.classList.toggle("arriving", slide.kind === "pictures" && next > at);
  section.hidden = false;
  fit(section);
  at = next;
  const video = section.querySelector("video");
  if (video) {
    video.currentTime = 0;
    if (!CALM.matches) start(video);
  }
  tellPlace(slide);
  // What comes next is fetched while this one is looked at.
  if (next + 1 < slides.length) setTimeout(slideAt, 0, next + 1);
}

function tellPlace(slide) {
  byId("place").textContent = `${at + 1} / ${slides.length}`;
  byId("said").textContent = `Slide ${at + 1} of ${slides.length}: ${slide.heading}`;
  byId("spent").replaceChildren();
  if (slide.spent && slide.kind !== "cost") byId("spent").append(make("b", "", price(slide.spent)), " so far");
  for (const [n, dot] of [...byId("dots").children].entries()) {
    if (n === at) dot.setAttribute("aria-current", "step");
    else dot.removeAttribute("aria-current");
  }
  history.replaceState(null, "", `#${at + 1}`);
}

// ---- keys, clicks, swipes

const onward = () => show(at + 1);
const back = () => show(at - 1);
const shown = () => built[at].querySelector("video");

function leave() {
  if (door.back) location.href = door.back;
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}

function blacken() {
  byId("black").hidden = !byId("black").hidden;
  if (!byId("black").hidden) shown()?.pause();
}

const PRESSED = {
  ArrowRight: onward,
  ArrowDown: onward,
  PageDown: onward,
  " ": (event) => (event.shiftKey ? back() : onward()),
  ArrowLeft: back,
  ArrowUp: back,
  PageUp: back,
  Home: () => show(0),
  End: () => show(slides.length - 1),
  f: fullScreen,
  b: blacken,
  ".": blacken,
  p: () => shown() && toggle(shown()),
  m: () => shown() && slides[at].kind === "film" && (shown().muted = !shown().muted),
  "?": () => byId("help").showModal(),
  Escape: leave,
};

document.addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const press = PRESSED[event.key] ?? PRESSED[event.key.toLowerCase()];
    const held = document.activeElement;
    const slider = held?.matches("input") && /^(Arrow|Page|Home|End)/.test(event.key);
    if (!press || slider || (held?.matches("button") && event.key === " ")) return;
    event.preventDefault();
    // Any key lifts the black; it does nothing else then.
    if (!byId("black").hidden) byId("black").hidden = true;
    else press(event);
  },
  true,
);

document.addEventListener("click", (event) => {
  if (!byId("black").hidden) byId("black").hidden = true;
  else if (event.target.closest("button, input, dialog")) {
    // A pressed button must not catch the next space bar.
    if (event.detail) document.activeElement?.blur();
  } else if (event.clientX < innerWidth / 2) back();
  else onward();
});

let finger = null;
document.addEventListener("touchstart", (event) => {
  finger = event.touches.length === 1 && !event.target.closest("input, dialog") ? event.touches[0] : null;
}, { passive: true });
document.addEventListener("touchend", (event) => {
  if (!finger) return;
  const [end] = event.changedTouches;
  const [across, down] = [end.clientX - finger.clientX, end.clientY - finger.clientY];
  finger = null;
  if (Math.abs(across) > SWIPE_PX && Math.abs(across) > 1.5 * Math.abs(down)) (across < 0 ? onward : back)();
}, { passive: true });

let resting;
function wake() {
  document.body.classList.add("awake");
  document.body.classList.remove("idle");
  clearTimeout(resting);
  resting = setTimeout(() => {
    document.body.classList.remove("awake");
    document.body.classList.add("idle");
  }, IDLE_MS);
}
document.addEventListener("mousemove", wake);

// ---- begin

const fromHash = () => (parseInt(location.hash.slice(1), 10) || 1) - 1;
document.title = deck.title;
byId("close").append(icon("close"));
for (const way of [byId("close"), ...document.querySelectorAll(".leave")]) way.hidden = !door.back;
byId("close").onclick = leave;
byId("keys").onclick = () => byId("help").showModal();
byId("dots").append(...slides.map((slide, n) => button("", `Slide ${n + 1}: ${slide.heading}`, () => show(n))));
addEventListener("hashchange", () => show(fromHash()));
new ResizeObserver(() => built[at] && fit(built[at])).observe(stage);
show(fromHash());
