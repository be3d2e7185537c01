// Two pictures or clips against each other: the focused one, and another one or an earlier take.
const MODES = ["pair", "slider", "flip"];
// How far two clips may drift apart, seconds, and how often that is looked at.
const DRIFT_S = 0.08;
const SYNC_MS = 250;

class Compare {
  constructor(table, dialog) {
    this.table = table;
    this.dialog = dialog;
    this.stage = dialog.querySelector(".stage");
    this.divider = dialog.querySelector(".divider");
    this.swapped = false;
    this.split = 50;
    dialog.onclose = () => this.closed();
    dialog.onclick = (event) => this.click(event);
    this.stage.onpointerdown = (event) => this.grab(event);
    this.press = {
      m: () => this.setMode(MODES[(MODES.indexOf(this.mode) + 1) % MODES.length]),
      s: () => this.swap(),
      v: () => (this.mode === "flip" ? this.flip() : this.close()),
      " ": () => (this.mode === "flip" ? this.flip() : this.pause()),
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      ArrowUp: () => this.choose(-1),
      ArrowDown: () => this.choose(1),
      Escape: () => this.close(),
    };
  }

  get isOpen() {
    return this.dialog.open;
  }

  get mode() {
    return this.table.memory.mode;
  }

  // Who is compared

  get focused() {
    const { table } = this;
    const take = (table.current.takes || []).find((one) => one.current);
    const which = this.partner?.isTake ? ` · take ${take.number}, in use` : "";
    return { ...table.current, index: table.focus, title: `${table.focus + 1} · ${capital(table.current.label)}${which}` };
  }

  // All that the focused one can be held against: the others on the table, then its other takes.
  get partners() {
    const { items, focus, current } = this.table;
    const others = items.map((item, index) => ({ ...item, index, title: `${index + 1} · ${capital(item.label)}` }))
      .filter((item) => item.id && item.index !== focus);
    const takes = (current.takes || []).filter((take) => !take.current && !take.removed)
      .map((take) => ({ ...take, isTake: true, title: `${capital(current.label)} · take ${take.number} of ${current.takes.length}` }));
    return [...others, ...takes];
  }

  get partner() {
    return this.partners.find((one) => one.id === this.other) || this.usual();
  }

  // The nearest approved one; else the next one there is.
  usual() {
    const { focus } = this.table;
    const away = (one) => Math.abs(one.index - focus);
    const approved = this.partners.filter((one) => !one.isTake && this.table.markOf(one) === "approved");
    return approved.sort((one, two) => away(one) - away(two))[0]
      || this.partners.find((one) => one.index > focus) || this.partners[0];
  }

  open(takeId) {
    if (!this.table.current?.id) return;
    this.other = takeId || this.usual()?.id;
    if (!this.other) { this.table.say("There is nothing to compare it with yet."); return; }
    this.swapped = false;
    this.flipped = false;
    this.split = 50;
    if (!this.isOpen) showDialog(this.dialog);
    if (this.mode === "slider") this.divider.focus();
    clearInterval(this.timer);
    this.timer = setInterval(() => this.sync(), SYNC_MS);
    this.paint();
  }

  close() {
    this.dialog.close();
  }

  closed() {
    clearInterval(this.timer);
    for (const shot of this.shots) { delete shot.dataset.shape; shot.replaceChildren(); }
    this.table.paint();
  }

  // The next or the one before, of all that it can be held against.
  choose(step) {
    const all = this.partners;
    const at = all.findIndex((one) => one.id === this.partner.id);
    this.other = all[(at + step + all.length) % all.length].id;
    this.paint();
  }

  // The two exchange their places, and with them which one is decided on; a take cannot be.
  swap() {
    const { partner } = this;
    this.flipped = false;
    if (partner.isTake) this.swapped = !this.swapped;
    else {
      this.other = this.focused.id;
      this.table.look(partner.index);
    }
    this.paint();
  }

  // How they are compared

  setMode(mode) {
    this.table.memory.mode = mode;
    this.flipped = false;
    this.paint();
    if (mode === "slider") this.divider.focus({ preventScroll: true });
  }

  step(by) {
    if (this.mode === "slider") this.slide(this.split + 2 * by);
    else this.choose(by);
  }

  slide(to) {
    this.split = Math.min(Math.max(to, 0), 100);
    this.stage.style.setProperty("--split", `${this.split}%`);
    this.divider.setAttribute("aria-valuenow", Math.round(this.split));
  }

  grab(event) {
    if (this.mode !== "slider") return;
    const box = this.shots[0].getBoundingClientRect();
    const follow = ({ clientX }) => this.slide(((clientX - box.left) / box.width) * 100);
    const release = () => {
      this.stage.removeEventListener("pointermove", follow);
      this.stage.removeEventListener("pointerup", release);
      this.stage.removeEventListener("pointercancel", release);
    };
    this.stage.setPointerCapture(event.pointerId);
    this.stage.addEventListener("pointermove", follow);
    this.stage.addEventListener("pointerup", release);
    this.stage.addEventListener("pointercancel", release);
    follow(event);
  }

  flip() {
    this.flipped = !this.flipped;
    this.paint();
  }

  // Clips go side by side in time too.

  get clips() {
    return this.shots.map((shot) => shot.querySelector("video")).filter(Boolean);
  }

  sync() {
    const [first, second] = this.clips;
    if (!first || !second || !second.duration || first.seeking || second.seeking) return;
    const wanted = first.currentTime % second.duration;
    if (Math.abs(second.currentTime - wanted) > DRIFT_S) second.currentTime = wanted;
  }

  pause() {
    const stop = this.clips.some((clip) => !clip.paused);
    for (const clip of this.clips) if (stop) clip.pause(); else play(clip);
  }

  // What is seen

  get shots() {
    return [...this.stage.querySelectorAll(".shot")];
  }

  get sides() {
    const pair = [this.focused, this.partner];
    return this.swapped ? pair.reverse() : pair;
  }

  paint() {
    if (!this.isOpen) return;
    if (!this.table.current?.id || !this.partner) { this.close(); return; }
    const { dialog, mode, stage, table } = this;
    const [wide, high] = table.data.ratio.split(":").map(Number);
    stage.style.setProperty("--ratio", wide / high);
    stage.dataset.mode = mode;
    stage.dataset.shown = this.flipped ? "1" : "0";
    this.divider.hidden = mode !== "slider";
    this.slide(this.split);
    for (const radio of dialog.querySelectorAll("[data-mode][role=radio]")) {
      radio.setAttribute("aria-checked", String(radio.dataset.mode === mode));
      radio.tabIndex = radio.dataset.mode === mode ? 0 : -1;
    }
    this.sides.forEach((side, at) => this.paintSide(side, at));
    this.paintActs();
  }

  paintSide(side, at) {
    const { table, dialog } = this;
    const shot = this.shots[at];
    whenNew(shot, side.id, () => {
      const media = mediaOf(side, table.data.kind, side.title);
      shot.replaceChildren(media, el("p"));
      for (const clip of this.clips) { clip.currentTime = 0; play(clip); }
    });
    const decided = side.isTake ? "" : WORDS[table.markOf(side)];
    shot.dataset.mark = side.isTake ? "open" : table.markOf(side);
    shot.dataset.focus = side.id === table.current.id ? "1" : "0";
    shot.lastElementChild.textContent = [side.title, decided].filter(Boolean).join(" · ");
    whenNew(dialog.querySelectorAll(".told > div")[at], [side.id, side.title, side.facts, side.text], (told) => {
      told.replaceChildren(el("b", { textContent: side.title }), factList(side.facts), el("p", { textContent: side.text || "" }));
    });
  }

  paintActs() {
    const { dialog, mode, partner, table } = this;
    dialog.querySelector(".on").textContent = this.focused.title;
    for (const button of dialog.querySelectorAll("[data-mark]")) {
      button.disabled = !table.isDecidable(table.current);
      button.setAttribute("aria-pressed", String(button.dataset.mark === table.markOf(table.current)));
    }
    dialog.querySelector('[data-do=" "]').hidden = mode !== "flip";
    // In the slider the arrows to the sides move the divider.
    const [before, after] = mode === "slider" ? ["↑", "↓"] : ["←", "→"];
    dialog.querySelector('[data-do="ArrowUp"] kbd').textContent = before;
    dialog.querySelector('[data-do="ArrowDown"] kbd').textContent = after;
    const use = dialog.querySelector(".use");
    use.hidden = !partner.isTake;
    use.title = table.data.barred || table.data.busy;
    use.disabled = Boolean(use.title);
  }

  // What is pressed

  click(event) {
    const button = event.target.closest("button");
    if (button?.dataset.mode) this.setMode(button.dataset.mode);
    else if (button?.dataset.do) this.key(button.dataset.do);
    else if (button?.classList.contains("use")) this.use();
    else if (!button) this.clickShot(event.target.closest(".shot"));
  }

  // A press on a picture flips them, or makes it the one that is decided on.
  clickShot(shot) {
    if (this.mode === "flip" && shot) this.flip();
    else if (this.mode === "pair" && shot?.dataset.focus === "0" && !this.partner.isTake) this.swap();
  }

  use() {
    this.table.useTake(this.partner.id);
    this.close();
  }

  // Gives whether it was a key of ours.
  key(key) {
    const mark = { a: "approved", x: "rejected", u: "open" }[key];
    const reason = this.table.reasonBy(key);
    if (mark) this.table.mark(mark, { advance: false });
    else if (reason) this.table.rejectFor(reason, false);
    else if (key === "z") this.table.undo();
    else if (this.press[key]) this.press[key]();
    else return false;
    return true;
  }
}
