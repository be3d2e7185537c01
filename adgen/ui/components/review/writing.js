// What a person types: a note on a take, and new words for the next one. Kept while they type, so
// that neither a poll nor a reload nor a look elsewhere loses a letter.
const PAUSE_MS = 500;

class Writing {
  constructor(table, panel) {
    this.table = table;
    this.note = panel.querySelector(".note");
    this.form = panel.querySelector(".editor");
    this.words = this.form.querySelector("textarea");
    this.seed = this.form.querySelector("input");
    this.edits = panel.querySelector('[data-key="e"] span');
    this.note.oninput = () => this.later(() => this.keepNote());
    this.note.onfocus = () => { this.of = this.table.current; this.before = this.note.value; };
    this.note.onblur = () => { this.keepNote(); this.of = null; table.paint(); };
    this.note.onkeydown = (event) => this.noteKey(event);
    this.form.oninput = () => { this.type(); this.later(() => this.keepDraft()); };
    this.form.onfocusout = () => this.flush();
    this.form.onkeydown = (event) => this.formKey(event);
    this.form.onsubmit = (event) => { event.preventDefault(); this.order(); };
    this.form.querySelector(".cancel").onclick = () => this.cancel();
  }

  // Save at the next pause in typing; `flush` does it at once.
  later(save) {
    clearTimeout(this.timer);
    this.save = save;
    this.timer = setTimeout(() => this.flush(), PAUSE_MS);
  }

  flush() {
    clearTimeout(this.timer);
    const { save } = this;
    this.save = null;
    save?.();
  }

  paint() {
    const item = this.table.current;
    const { limits } = this.table.data;
    this.note.maxLength = limits.remark;
    this.note.readOnly = Boolean(this.table.data.barred);
    [this.words.minLength, this.words.maxLength] = limits.words;
    [this.seed.min, this.seed.max] = limits.seed;
    const what = this.table.data.kind === "clip" ? "scene" : "prompt";
    this.edits.textContent = `Edit ${what}`;
    this.words.previousElementSibling.textContent = capital(what);
    this.paintNote(item);
    this.paintForm(item);
  }

  // The note

  paintNote(item) {
    // The one who writes has the last word, whatever arrives meanwhile.
    if (this.of) return;
    const remark = item?.id ? this.table.remarkOf(item) : "";
    if (this.note.value !== remark) this.note.value = remark;
    this.note.hidden = !remark;
    this.note.ariaLabel = item ? `Note on ${item.label}` : "Note";
  }

  writeNote() {
    if (!this.table.current?.id || this.table.data.barred) return;
    this.note.hidden = false;
    this.note.focus();
    this.note.scrollIntoView({ block: "nearest" });
  }

  keepNote() {
    const text = this.note.value.trim();
    if (this.of && text !== this.table.remarkOf(this.of)) {
      this.table.outbox.put(["remarks", this.of.id, text]);
    }
  }

  noteKey(event) {
    if (event.key === "Escape") this.note.value = this.before;
    else if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    this.note.blur();
  }

  // The editor: open for a slot as long as there is a draft of it

  get drafts() {
    return this.table.memory.drafts;
  }

  isEditing(item) {
    return Boolean(item) && this.drafts.has(item.slot);
  }

  // Words typed before the page was drawn anew, or that were not taken.
  recall() {
    for (const { slot, draft } of this.table.items) {
      if (draft && !this.drafts.has(slot) && !this.table.data.barred) this.drafts.set(slot, draft);
    }
  }

  paintForm(item) {
    this.form.hidden = !this.isEditing(item);
    if (this.form.hidden) { delete this.form.dataset.slot; return; }
    if (this.form.dataset.slot !== String(item.slot)) {
      this.form.dataset.slot = item.slot;
      const draft = this.drafts.get(item.slot);
      this.words.value = draft.text;
      this.seed.value = draft.seed;
    }
    const { model, price } = this.table.data;
    const order = this.form.querySelector("[type=submit]");
    order.firstElementChild.textContent = `Regenerate with these words · ${price}`;
    order.disabled = Boolean(this.table.barredOf(item) || this.table.makingOf(item));
    order.title = this.table.barredOf(item);
    this.form.querySelector(".by").textContent = `${model} · ${price}`;
  }

  edit() {
    const item = this.table.current;
    if (!item || this.table.data.barred) return;
    if (!this.isEditing(item)) this.drafts.set(item.slot, { text: item.words, seed: "" });
    this.table.paint();
    this.words.focus();
    this.form.scrollIntoView({ block: "nearest" });
  }

  type() {
    this.drafts.set(Number(this.form.dataset.slot), { text: this.words.value, seed: this.seed.value });
  }

  keepDraft() {
    const slot = Number(this.form.dataset.slot);
    if (this.drafts.has(slot)) this.table.outbox.put(["drafts", slot, this.drafts.get(slot)]);
  }

  // An editor in which nothing was typed closes by itself.
  leave() {
    this.flush();
    const item = this.table.current;
    const draft = item && this.drafts.get(item.slot);
    if (draft && draft.text === item.words && !draft.seed) this.forget(item.slot);
  }

  formKey(event) {
    const enter = event.key === "Enter" && event.target.tagName !== "BUTTON";
    if (event.key === "Escape") this.cancel();
    else if (enter && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    // A single Enter in the field for the seed must not spend money.
    else if (!enter || event.target === this.words) return;
    event.preventDefault();
    event.stopPropagation();
  }

  cancel() {
    this.forget(Number(this.form.dataset.slot));
    this.table.paint();
    this.form.parentElement.scrollTo({ top: 0 });
  }

  // `used` words the server forgets by itself, or gives back when it refuses them.
  forget(slot, used = false) {
    clearTimeout(this.timer);
    this.save = null;
    const known = this.table.outbox.find("drafts", slot) || this.table.items.find((item) => item.slot === slot)?.draft;
    this.drafts.delete(slot);
    this.table.outbox.drop("drafts", slot);
    if (known && !used) this.table.outbox.put(["drafts", slot, null]);
    this.words.blur();
  }

  order() {
    const slot = Number(this.form.dataset.slot);
    const { text, seed } = this.drafts.get(slot);
    const item = this.table.items.find((one) => one.slot === slot);
    if (this.table.barredOf(item) || this.table.makingOf(item)) return;
    this.forget(slot, true);
    this.table.orderTake({ slot, text, ...(seed && { seed: Number(seed) }) });
  }
}
