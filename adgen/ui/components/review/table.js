// The light table: pictures or clips, three states each, keys first. What a person does is painted
// at once from what the server had and what is on its way there; the server has the last word.
const TABLES = new WeakMap();
// What a person did, by table, also when the page is drawn anew.
const MEMORIES = new Map();
// How long a first press of G waits for the second, and a tile shows what was asked for it.
const ARM_MS = 4000;
const REPEATABLE = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "[", "]", "z"]);

export default function (given) {
  const root = given.parentElement.querySelector(".review");
  const { key } = given.data;
  if (!MEMORIES.has(key)) {
    MEMORIES.set(key, { focus: 0, moved: false, past: [], drafts: new Map(), mode: "pair", outbox: new Outbox(key) });
  }
  if (!TABLES.has(root)) TABLES.set(root, new Table(root, MEMORIES.get(key)));
  const table = TABLES.get(root);
  const turn = table.update(given);
  return () => table.leave(turn);
}

class Table {
  constructor(root, memory) {
    this.root = root;
    this.memory = memory;
    this.turn = 0;
    const find = (selector) => root.querySelector(selector);
    this.tiles = new Tiles(this, find(".grid"));
    this.film = new OrderBar(this, find(".order"));
    this.side = new Side(this, find(".side"));
    this.writing = new Writing(this, find(".side"));
    this.zoom = new Zoom(this, find(".zoom"));
    this.compare = new Compare(this, find(".compare"));
    this.keymap = find(".keymap");
    this.press = {
      a: () => this.mark("approved"),
      x: () => this.mark("rejected"),
      u: () => this.mark("open"),
      z: () => this.undo(),
      " ": () => this.zoom.toggle(),
      v: () => this.compare.open(),
      g: () => this.regenerate(),
      e: () => this.writing.edit(),
      n: () => this.writing.writeNote(),
      "?": () => showDialog(this.keymap),
      "[": () => this.shift(-1),
      "]": () => this.shift(1),
      ArrowLeft: () => this.move(-1),
      ArrowRight: () => this.move(1),
      ArrowUp: () => this.move(-this.tiles.columns),
      ArrowDown: () => this.move(this.tiles.columns),
      Escape: () => this.disarm(),
    };
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-key]");
      if (button) this.act(button.dataset.key);
    });
    root.addEventListener("mousedown", (event) => this.leaveKeys(event));
    this.keymap.addEventListener("click", () => this.keymap.close());
    this.onKey = (event) => this.hear(event);
    this.onHide = () => this.writing.flush();
    this.onResize = () => this.tiles.paint();
  }

  // Called anew with each change of the data; an earlier call's end must not end the newest one.
  update({ data, setStateValue, setTriggerValue }) {
    const first = !this.turn;
    this.turn += 1;
    this.data = data;
    this.items = data.items;
    this.trigger = setTriggerValue;
    this.outbox = this.memory.outbox;
    this.outbox.send = (sent) => setStateValue("review", sent);
    this.outbox.acknowledge(data.seq);
    // After a reload, a new connection or a moment on another page.
    if (this.outbox.idle) this.outbox.deliver();
    if (this.asked && (data.asked > this.asked.before || Date.now() > this.asked.until)) this.asked = null;
    this.focus = Math.min(this.memory.focus, Math.max(this.items.length - 1, 0));
    // Nobody has looked anywhere yet: the first one there is to decide on.
    if (!this.memory.moved && !this.current?.id) this.focus = Math.max(this.items.findIndex((item) => item.id), 0);
    if (first || data.refused) this.writing.recall();
    document.addEventListener("keydown", this.onKey, true);
    document.addEventListener("visibilitychange", this.onHide);
    window.addEventListener("resize", this.onResize);
    this.paint();
    this.root.dataset.seq = data.seq;
    return this.turn;
  }

  leave(turn) {
    if (turn !== this.turn) return;
    this.writing.flush();
    this.outbox.rest();
    document.removeEventListener("keydown", this.onKey, true);
    document.removeEventListener("visibilitychange", this.onHide);
    window.removeEventListener("resize", this.onResize);
  }

  // What there is to see

  get current() {
    return this.items[this.focus];
  }

  markOf(item) {
    return this.marks[item.id] || "open";
  }

  reasonOf(item) {
    return this.why[item.id] || "";
  }

  remarkOf(item) {
    return this.outbox.find("remarks", item.id) ?? this.items.find((one) => one.id === item.id)?.remark ?? "";
  }

  makingOf(item) {
    return item.making || (this.asked?.slot === item.slot && item.id ? "queued" : "");
  }

  isDecidable(item) {
    return Boolean(item?.id) && !this.makingOf(item) && !this.data.barred;
  }

  // Why one more take of it cannot be made now.
  barredOf(item) {
    return this.data.barred || (item ? item.barred : "Nothing is here yet.");
  }

  reasonBy(key) {
    return this.data.reject.find(([name]) => name.toLowerCase() === key)?.[1] || "";
  }

  // As the server will have it when all that is on its way has arrived: the rule is its own.
  decide() {
    this.marks = { ...this.data.marks };
    this.why = { ...this.data.reasons };
    const changed = this.outbox.of("changes");
    for (const { key, value } of changed) {
      this.marks[key] = value.mark;
      this.why[key] = value.reason;
    }
    const moved = this.outbox.find("order", "") || this.data.order;
    const here = new Set(this.items.map((item) => item.id));
    this.order = [...new Set([...moved, ...changed.map(({ key }) => key), ...this.data.order])]
      .filter((id) => here.has(id) && this.marks[id] === "approved");
  }

  paint() {
    this.decide();
    this.tiles.paint();
    this.film.paint();
    this.side.paint();
    this.writing.paint();
    this.zoom.paint();
    this.compare.paint();
    this.notes();
  }

  notes() {
    const { notes } = this.data;
    const box = this.root.querySelector(".notes");
    whenNew(box, notes, () => {
      box.hidden = !notes.length;
      // A few stand there quietly; more are folded away.
      box.open = notes.length <= 2;
      box.dataset.few = box.open ? "1" : "0";
      box.firstElementChild.textContent = `${notes.length} notes on how these were made`;
      box.lastElementChild.replaceChildren(...notes.map((note) => el("li", {}, sign("note", "sign"), note)));
    });
  }

  say(words) {
    this.root.querySelector(".aside").textContent = words;
  }

  // Look and decide

  look(index) {
    if (index === this.focus) return;
    this.disarm();
    this.writing.leave();
    this.focus = this.memory.focus = index;
    this.memory.moved = true;
    this.paint();
  }

  move(step) {
    this.look(Math.min(Math.max(this.focus + step, 0), this.items.length - 1));
    this.tiles.follow();
  }

  click(index) {
    this.disarm();
    this.look(index);
    this.toggle(index);
  }

  toggle(index) {
    const item = this.items[index];
    if (this.isDecidable(item)) this.mark(this.markOf(item) === "approved" ? "open" : "approved", { advance: false });
  }

  mark(mark, { reason = "", advance = true } = {}) {
    const item = this.current;
    if (!this.isDecidable(item)) return;
    this.memory.moved = true;
    this.memory.focus = this.focus;
    this.memory.past.push({ id: item.id, mark: this.markOf(item), reason: this.reasonOf(item), order: this.order });
    this.outbox.put(["changes", item.id, { mark, reason }]);
    this.decide();
    const next = this.items.findIndex((one, at) => at > this.focus && this.isDecidable(one) && this.markOf(one) === "open");
    if (advance && next >= 0) {
      this.look(next);
      this.tiles.follow();
    }
    this.paint();
  }

  // The reason alone is taken back when it is pressed again.
  rejectFor(reason, advance = true) {
    const again = this.current?.id && this.markOf(this.current) === "rejected" && this.reasonOf(this.current) === reason;
    this.mark("rejected", again ? { advance: false } : { reason, advance });
  }

  undo() {
    const last = this.memory.past.pop();
    if (!last || this.data.barred) return;
    const entries = last.id ? [["changes", last.id, { mark: last.mark, reason: last.reason }]] : [];
    // Without its order a clip that is approved again would come last, and not where it was.
    const moved = !last.id || last.mark === "approved";
    if (this.data.kind === "clip" && moved) entries.push(["order", "", last.order]);
    this.outbox.put(...entries);
    const index = this.items.findIndex((item) => item.id === last.id);
    if (index >= 0) this.look(index);
    this.paint();
  }

  shift(step) {
    const at = this.order.indexOf(this.current?.id);
    this.reorder(at, at + step);
  }

  reorder(from, to) {
    if (this.data.kind !== "clip" || this.data.barred || from < 0 || to < 0 || to >= this.order.length || from === to) return;
    const order = [...this.order];
    const [id] = order.splice(from, 1);
    order.splice(to, 0, id);
    this.memory.past.push({ id: null, order: this.order });
    this.outbox.put(["order", "", order]);
    this.paint();
  }

  // Change

  regenerate() {
    const item = this.current;
    if (!item || this.asked?.slot === item.slot || this.makingOf(item)) return;
    if (this.barredOf(item)) { this.say(this.barredOf(item)); return; }
    if (this.armed === item.slot) { this.orderTake({ slot: item.slot }); return; }
    this.armed = item.slot;
    this.arming = setTimeout(() => this.disarm(), ARM_MS);
    this.say(`Press G again to have ${item.label} made: ${this.data.price}.`);
    this.paint();
  }

  disarm() {
    clearTimeout(this.arming);
    if (this.armed === undefined) return;
    this.armed = undefined;
    this.paint();
  }

  orderTake(take) {
    this.disarm();
    this.asked = { slot: take.slot, before: this.data.asked, until: Date.now() + ARM_MS };
    this.trigger("regenerate", take);
    this.paint();
  }

  useTake(id) {
    this.trigger("take", id);
  }

  // Keys

  // A button pressed by the mouse does not take the keys, Space above all, from the table.
  leaveKeys(event) {
    if (!event.target.closest(".side button, dialog button")) return;
    event.preventDefault();
    this.root.getRootNode().activeElement?.blur();
  }

  act(key) {
    if (key !== "g") this.disarm();
    const reason = this.reasonBy(key);
    if (reason) this.rejectFor(reason);
    else if (/^[1-9]$/.test(key)) this.byNumber(Number(key) - 1);
    else this.press[key]?.();
  }

  byNumber(index) {
    this.look(index);
    this.toggle(index);
  }

  isOurs(key) {
    return Boolean(this.press[key] || this.reasonBy(key) || this.items[Number(key) - 1]);
  }

  hear(event) {
    const target = event.composedPath()[0];
    // On many keyboards a bracket is typed with AltGr, which also counts as Ctrl and Alt.
    const chord = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
    if (!event.key || chord || event.isComposing || this.isElsewhere(target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (this.isTheirs(target, key) || (event.repeat && !REPEATABLE.has(key))) return;
    if (!this.dispatch(key)) return;
    // Capture phase: the app's own shortcuts must not see our keys.
    event.preventDefault();
    event.stopPropagation();
  }

  // In a field, or in a dialog that is not ours, keys are letters.
  isElsewhere(target) {
    const field = target.matches?.("input, textarea, select, [contenteditable=true], [role=combobox]");
    return Boolean(field || (!this.root.contains(target) && target.closest?.("[role=dialog]")));
  }

  // A control that somebody went to by Tab keeps its own keys.
  isTheirs(target, key) {
    const control = target.matches?.("button, a, summary, [role=tab], [role=radio]");
    if (!control || !(key === " " || key === "Enter" || key.startsWith("Arrow"))) return false;
    const tile = target.classList.contains("tile");
    return !this.root.contains(target) || (!tile && target.matches(":focus-visible"));
  }

  dispatch(key) {
    if (this.compare.isOpen) return this.compare.key(key);
    if (this.keymap.open) return key === "?" && (this.keymap.close(), true);
    if (!this.isOurs(key)) { this.disarm(); return false; }
    // Esc also closes what is open, by itself.
    if (key === "Escape") return this.armed !== undefined && (this.disarm(), true);
    if (this.zoom.isOpen && "vgen?".includes(key)) this.zoom.toggle();
    this.act(key);
    return true;
  }
}
