// The light table: pictures or clips, three states each, keys first. Painted at once here, kept by
// the server; `seq` tells an answer to our newest press from one that is already old.
const MEMORY = new WeakMap();
// Where a person was looking, also when the page is drawn anew.
const LOOKING = new Map();
const ICON = {
  approved: '<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"><path d="M3 8.5 6.5 12 13 4.5"/></svg>',
  rejected: '<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"><path d="m4 4 8 8m0-8-8 8"/></svg>',
  open: '<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="2"><circle cx="8" cy="8" r="5"/></svg>',
};
const WORDS = { approved: "approved", rejected: "rejected", open: "undecided" };
const WAITING = { queued: "in line", starting: "machine starting", running: "generating", retrying: "trying again", failed: "failed", missing: "not made" };
const LINE = 'viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"';
const SIGN = {
  queued: `<svg ${LINE}><path d="M5 10h.01M10 10h.01M15 10h.01" stroke-width="2.6"/></svg>`,
  starting: `<svg ${LINE}><circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.6 1.6"/></svg>`,
  running: `<svg ${LINE}><circle cx="10" cy="10" r="7" opacity=".3"/><path d="M17 10a7 7 0 0 0-7-7"/></svg>`,
  retrying: `<svg ${LINE}><path d="M16.5 10A6.5 6.5 0 1 1 14.4 5.2"/><path d="M16.5 3v3.4h-3.4"/></svg>`,
  failed: `<svg ${LINE}><path d="m6 6 8 8m0-8-8 8"/></svg>`,
  note: `<svg ${LINE}><circle cx="10" cy="10" r="7"/><path d="M10 9.4v4M10 6.6h.01"/></svg>`,
  missing: `<svg ${LINE}><circle cx="10" cy="10" r="6.5" stroke-dasharray="2.4 3"/></svg>`,
};
// So many side by side that all six are in sight at once.
const COLUMNS = { "16:9": 3, "1:1": 3, "4:5": 4, "9:16": 6 };

export default function ({ key, parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".review");
  let s = MEMORY.get(root);
  if (!s) {
    s = { seq: data.seq, marks: { ...data.marks }, order: [...(data.order || [])], focus: LOOKING.get(key) ?? 0, moved: LOOKING.has(key), past: [] };
    MEMORY.set(root, s);
  }
  // Our newest press wins until the server has seen it.
  if (data.seq >= s.seq) {
    s.seq = data.seq;
    s.marks = { ...data.marks };
    s.order = [...(data.order || [])];
  }
  const items = data.items;
  s.focus = Math.min(s.focus, Math.max(items.length - 1, 0));

  const markOf = (item) => s.marks[item.id] || "open";
  const ready = (item) => Boolean(item && item.id);
  // Nobody has looked anywhere yet: the first one there is to decide on.
  if (!s.moved && !ready(items[s.focus])) s.focus = Math.max(items.findIndex(ready), 0);

  function save() {
    s.seq += 1;
    setStateValue("review", { seq: s.seq, marks: s.marks, order: s.order });
  }
  function mark(index, value, advance = true) {
    const item = items[index];
    if (!ready(item) || data.locked) return;
    s.past.push({ marks: { ...s.marks }, order: [...s.order], focus: s.focus });
    if (value === "open") delete s.marks[item.id];
    else s.marks[item.id] = value;
    s.order = s.order.filter((id) => id !== item.id);
    if (value === "approved") s.order.push(item.id);
    s.focus = index;
    s.moved = true;
    if (advance) {
      const next = items.findIndex((it, i) => i > index && ready(it) && markOf(it) === "open");
      if (next >= 0) s.focus = next;
    }
    save();
    paint();
  }
  function toggle(index) {
    const item = items[index];
    if (ready(item)) mark(index, markOf(item) === "approved" ? "open" : "approved", false);
  }
  function undo() {
    const last = s.past.pop();
    if (!last) return;
    Object.assign(s, last);
    save();
    paint();
  }
  function shift(step) {
    const id = items[s.focus]?.id;
    const at = s.order.indexOf(id);
    moveTo(at, at + step);
  }
  function moveTo(from, to) {
    if (from < 0 || to < 0 || to >= s.order.length || from === to || data.locked) return;
    s.past.push({ marks: { ...s.marks }, order: [...s.order], focus: s.focus });
    const [id] = s.order.splice(from, 1);
    s.order.splice(to, 0, id);
    save();
    paint();
  }
  function move(step) {
    s.focus = Math.min(Math.max(s.focus + step, 0), items.length - 1);
    s.moved = true;
    paint();
    grid.children[s.focus]?.scrollIntoView({ block: "nearest" });
  }

  // Tiles are kept between paints, so a picture never blinks and nothing jumps.
  const grid = root.querySelector(".grid");
  const side = root.querySelector(".side");
  grid.style.setProperty("--ratio", data.ratio.replace(":", " / "));
  grid.style.setProperty("--columns", Math.min(COLUMNS[data.ratio], Math.max(items.length, 3)));
  const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  while (grid.children.length > items.length) grid.lastElementChild.remove();
  items.forEach((item, index) => {
    let cell = grid.children[index];
    if (!cell) grid.append((cell = document.createElement("li")));
    const shape = JSON.stringify([item.id, item.state, item.stale, item.label, item.placeholder]);
    if (cell.dataset.shape === shape) return;
    cell.dataset.shape = shape;
    cell.replaceChildren(tile(item, index));
  });

  function tile(item, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tile";
    if (!ready(item)) {
      const wait = document.createElement("div");
      wait.className = `wait ${item.state}`;
      wait.innerHTML = `${SIGN[item.state] || ""}<b></b><small></small>`;
      wait.querySelector("b").textContent = item.label;
      wait.lastChild.textContent = WAITING[item.state] || "";
      button.append(wait);
      button.setAttribute("aria-label", `${item.label}, ${WAITING[item.state] || ""}`);
      return button;
    }
    const media = document.createElement(data.kind === "clip" ? "video" : "img");
    media.src = item.url;
    if (data.kind === "clip") {
      Object.assign(media, { muted: true, loop: true, playsInline: true, preload: "auto" });
      button.onmouseenter = () => media.play().catch(() => {});
      button.onmouseleave = () => media.pause();
    } else {
      media.alt = `${item.label} view`;
      media.style.objectPosition = `${item.focus[0] * 100}% ${item.focus[1] * 100}%`;
    }
    const badge = document.createElement("span");
    badge.className = "badge";
    const caption = document.createElement("span");
    caption.className = "caption";
    caption.innerHTML = '<i class="keycap num" style="font-style:normal"></i><b></b><span class="num"></span>';
    caption.children[0].textContent = index + 1;
    caption.children[1].textContent = item.label;
    caption.children[2].textContent = item.note || "";
    button.append(media, badge, caption);
    if (item.stale || item.placeholder) {
      const pill = document.createElement("span");
      pill.className = item.stale ? "pill stale" : "pill";
      pill.textContent = item.stale ? "older than the brief" : "placeholder";
      button.append(pill);
    }
    button.onclick = () => { s.focus = index; toggle(index); };
    button.ondblclick = () => zoom(index);
    return button;
  }

  function paint() {
    if (s.moved) LOOKING.set(key, s.focus);
    items.forEach((item, index) => {
      const button = grid.children[index]?.firstElementChild;
      if (!button) return;
      button.dataset.focus = index === s.focus ? "1" : "0";
      if (!ready(item)) return;
      const value = markOf(item);
      button.dataset.mark = value;
      button.querySelector(".badge").innerHTML = ICON[value];
      button.setAttribute("aria-pressed", String(value === "approved"));
      button.setAttribute("aria-label", `${index + 1}, ${item.label}, ${WORDS[value]}`);
    });
    paintSide();
    paintOrder();
    paintNotes();
  }

  function paintSide() {
    const tally = { approved: 0, rejected: 0, open: 0 };
    items.filter(ready).forEach((item) => { tally[markOf(item)] += 1; });
    const short = Math.max(data.need - tally.approved, 0);
    side.querySelector(".count").firstChild.textContent = `${tally.approved} approved`;
    side.querySelector(".count i").textContent =
      [short ? `need ${short} more` : `enough to go on`, tally.rejected && `${tally.rejected} rejected`, tally.open && `${tally.open} undecided`]
        .filter(Boolean).join(" · ");
    const item = items[s.focus];
    const facts = side.querySelector(".facts");
    facts.replaceChildren();
    if (!item) return;
    const head = document.createElement("h4");
    head.textContent = `${s.focus + 1} · ${item.label}`;
    const text = document.createElement("p");
    text.textContent = item.text || "";
    const list = document.createElement("dl");
    for (const [name, value] of item.facts || []) {
      const dt = document.createElement("dt");
      const dd = document.createElement("dd");
      dt.textContent = name;
      dd.textContent = value;
      dd.className = "num";
      list.append(dt, dd);
    }
    facts.append(head, list, text);
  }

  function paintOrder() {
    const bar = root.querySelector(".order");
    if (data.kind !== "clip") { bar?.remove(); return; }
    const by = Object.fromEntries(items.filter(ready).map((item) => [item.id, item]));
    const chosen = s.order.filter((id) => by[id]);
    bar.replaceChildren(...chosen.map((id, at) => {
      const li = document.createElement("li");
      li.draggable = true;
      const still = document.createElement("img");
      still.src = by[id].poster || "";
      still.alt = "";
      const name = document.createElement("span");
      name.textContent = `${at + 1} ${by[id].label}`;
      const earlier = arrow("‹", `Move ${by[id].label} earlier`, at === 0, () => moveTo(at, at - 1));
      const later = arrow("›", `Move ${by[id].label} later`, at === chosen.length - 1, () => moveTo(at, at + 1));
      li.append(still, earlier, name, later);
      li.ondragstart = (e) => { e.dataTransfer.setData("text/plain", String(at)); li.classList.add("drag"); };
      li.ondragend = () => li.classList.remove("drag");
      li.ondragover = (e) => e.preventDefault();
      li.ondrop = (e) => { e.preventDefault(); moveTo(Number(e.dataTransfer.getData("text/plain")), at); };
      return li;
    }));
    if (chosen.length) {
      const sum = document.createElement("li");
      const seconds = chosen.reduce((total, id) => total + (by[id].seconds || 0), 0);
      const film = 2 + seconds - 0.5 * (chosen.length - 1);
      sum.className = "sum num";
      sum.textContent = `film ${film.toFixed(1)} s`;
      bar.append(sum);
    }
  }
  function paintNotes() {
    const box = root.querySelector(".notes");
    const shape = JSON.stringify(data.notes);
    if (box.dataset.shape === shape) return;
    box.dataset.shape = shape;
    box.hidden = !data.notes.length;
    // A few stand there quietly; more are folded away.
    const few = data.notes.length <= 2;
    box.dataset.few = few ? "1" : "0";
    box.open = few;
    box.firstElementChild.textContent = `${data.notes.length} notes on how these were made`;
    box.lastElementChild.replaceChildren(...data.notes.map((note) => {
      const li = document.createElement("li");
      li.innerHTML = SIGN.note;
      li.append(note);
      return li;
    }));
  }
  function arrow(sign, label, off, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = sign;
    button.disabled = off;
    button.setAttribute("aria-label", label);
    button.onclick = act;
    return button;
  }

  const dialog = root.querySelector(".zoom");
  function zoom(index) {
    const item = items[index];
    if (dialog.open) return dialog.close();
    if (!ready(item)) return;
    const media = document.createElement(data.kind === "clip" ? "video" : "img");
    media.src = item.url;
    if (data.kind === "clip") Object.assign(media, { loop: true, muted: true, autoplay: true, playsInline: true });
    else media.alt = `${item.label} view, large`;
    const note = document.createElement("p");
    note.textContent = `${item.label} · Space or Esc closes`;
    dialog.replaceChildren(media, note);
    dialog.showModal();
  }
  dialog.onclick = () => dialog.close();

  const press = {
    a: () => mark(s.focus, "approved"),
    x: () => mark(s.focus, "rejected"),
    u: () => mark(s.focus, "open"),
    z: undo,
    " ": () => zoom(s.focus),
    ArrowLeft: () => move(-1),
    ArrowRight: () => move(1),
    ArrowUp: () => move(-columns()),
    ArrowDown: () => move(columns()),
    "[": () => shift(-1),
    "]": () => shift(1),
    "?": () => { const keys = side.querySelector(".keys"); keys.open = !keys.open; },
  };
  for (const button of side.querySelectorAll("[data-key]")) {
    button.disabled = Boolean(data.locked) && button.dataset.key !== " ";
    button.onclick = () => press[button.dataset.key]();
  }

  if (s.onKey) document.removeEventListener("keydown", s.onKey, true);
  s.onKey = (e) => {
    const target = e.composedPath()[0];
    const typing = target.matches?.("input, textarea, select, [contenteditable=true], [role=combobox], [role=slider]");
    // A focused control outside the table keeps its own Space and arrows.
    const elsewhere = target.matches?.("button, a, summary, [role=tab], [role=radio]") && !root.contains(target);
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (elsewhere && (e.key === " " || e.key.startsWith("Arrow") || e.key === "Enter")) return;
    const digit = /^[1-9]$/.test(e.key) ? Number(e.key) - 1 : -1;
    const act = digit >= 0 && digit < items.length ? () => { s.focus = digit; toggle(digit); } : press[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!act) return;
    // Capture phase: the app's own shortcuts must not see our keys.
    e.preventDefault();
    e.stopPropagation();
    act();
  };
  document.addEventListener("keydown", s.onKey, true);
  paint();
  return () => document.removeEventListener("keydown", s.onKey, true);
}
