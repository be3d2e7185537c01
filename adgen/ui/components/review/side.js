// Beside the table: how many are approved, what can be done with the focused one, and its facts.
class Side {
  constructor(table, panel) {
    this.table = table;
    this.panel = panel;
    this.facts = panel.querySelector(".facts");
  }

  paint() {
    const { table } = this;
    this.count();
    this.reasons();
    const item = table.current;
    const take = item?.takes?.find((one) => one.current);
    const [name, which] = this.panel.querySelector("h4").children;
    name.textContent = item ? `${table.focus + 1} · ${capital(item.label)}` : "";
    which.textContent = take ? ` · take ${take.number} of ${item.takes.length}` : "";
    this.buttons(item);
    this.again(item);
    whenNew(this.facts, item ? this.shape(item) : null, () => {
      this.facts.replaceChildren(...(item ? this.told(item) : []));
    });
  }

  count() {
    const tally = { approved: 0, rejected: 0, open: 0 };
    for (const item of this.table.items) if (item.id) tally[this.table.markOf(item)] += 1;
    const short = Math.max(this.table.data.need - tally.approved, 0);
    const rest = [
      short ? `need ${short} more` : "enough to go on",
      tally.rejected && `${tally.rejected} rejected`,
      tally.open && `${tally.open} undecided`,
    ].filter(Boolean);
    const count = this.panel.querySelector(".count");
    // Written only when new, or a screen reader would say it again.
    whenNew(count, [tally, short], () => {
      count.firstElementChild.textContent = `${tally.approved} approved`;
      count.lastElementChild.textContent = rest.join(" · ");
    });
  }

  reasons() {
    const { reject } = this.table.data;
    whenNew(this.panel.querySelector(".reasons"), reject, (row) => {
      row.replaceChildren(...reject.map(([key, reason]) => {
        const chip = el("button", { type: "button" }, el("span", { textContent: reason }), el("kbd", { textContent: key }));
        chip.dataset.key = key.toLowerCase();
        chip.dataset.reason = reason;
        return chip;
      }));
    });
  }

  buttons(item) {
    const { table } = this;
    const free = table.isDecidable(item);
    for (const button of this.panel.querySelectorAll("[data-mark]")) {
      button.disabled = !free;
      button.setAttribute("aria-pressed", String(free && button.dataset.mark === table.markOf(item)));
    }
    for (const chip of this.panel.querySelectorAll("[data-reason]")) {
      chip.disabled = !free;
      chip.setAttribute("aria-pressed", String(free && chip.dataset.reason === table.reasonOf(item)));
    }
    const { barred } = table.data;
    const off = { z: !table.memory.past.length, " ": !item?.id, v: !item?.id, e: !item || barred, n: !item?.id || barred,
      ArrowLeft: table.focus <= 0, ArrowRight: table.focus >= table.items.length - 1 };
    for (const [key, disabled] of Object.entries(off)) {
      this.panel.querySelector(`[data-key="${key}"]`).disabled = Boolean(disabled);
    }
  }

  // One more take of the focused one; the first press only asks whether that is meant.
  again(item) {
    const button = this.panel.querySelector('[data-key="g"]');
    const barred = this.table.barredOf(item);
    button.disabled = Boolean(barred || !item || this.table.makingOf(item));
    button.title = barred;
    button.classList.toggle("armed", Boolean(item) && this.table.armed === item.slot);
    const words = [item?.id ? "Regenerate" : "Make this one", this.table.data.price];
    if (button.classList.contains("armed")) words.push(this.touch ? "tap again" : "press G again");
    button.firstElementChild.textContent = words.join(" · ");
  }

  get touch() {
    return matchMedia("(hover: none)").matches;
  }

  shape(item) {
    return [item.id, item.state, item.text, item.facts, item.changes, item.why, item.about, item.kept,
      item.takes, this.table.data.busy, this.table.writing.isEditing(item)];
  }

  told(item) {
    const said = [];
    if (item.changes?.length) said.push(el("p", { className: "old", textContent: `Out of date: ${item.changes.join(" ")}` }));
    if (item.about || item.kept) {
      const first = item.kept ? "A new take could not be made; this is the earlier one." : item.about;
      said.push(el("p", { className: "bad", textContent: [first, item.why].filter(Boolean).join(" ") }));
    }
    said.push(factList(item.facts));
    if (item.takes?.length) said.push(this.takes(item));
    if (!this.table.writing.isEditing(item)) said.push(el("p", { textContent: item.text || "" }));
    return said;
  }

  takes(item) {
    const { table } = this;
    const here = item.takes.find((take) => take.current);
    const row = el("div", { className: "takes" },
      el("span", { textContent: `Take ${here.number} of ${item.takes.length}` }));
    for (const take of item.takes) {
      const words = `Take ${take.number}${take.removed ? `: ${take.removed}` : take.current ? ", in use" : ": look and compare"}`;
      const button = el("button", { type: "button", ariaLabel: words, title: words, onclick: () => table.compare.open(take.id) },
        take.removed ? "" : el("img", { src: table.data.kind === "clip" ? take.poster : take.url, alt: "" }), el("i", { className: "num", textContent: take.number }));
      button.disabled = take.current || Boolean(take.removed);
      button.classList.toggle("gone", Boolean(take.removed));
      if (take.current) button.setAttribute("aria-current", "true");
      row.append(button);
    }
    const gone = item.takes.filter((take) => take.removed).map((take) => `Take ${take.number}: ${take.removed}`);
    if (gone.length) row.append(el("span", { textContent: gone.join(" ") }));
    return row;
  }
}
