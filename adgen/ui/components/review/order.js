// The approved clips in the order of the film, and how long it will be.
class OrderBar {
  constructor(table, bar) {
    this.table = table;
    this.bar = bar;
    this.held = null;
  }

  paint() {
    const { table, bar } = this;
    bar.hidden = table.data.kind !== "clip";
    if (bar.hidden) return;
    const shown = table.order.map((id) => table.items.find((item) => item.id === id));
    // What is being dragged stays under the hand.
    if (this.held !== null) return;
    whenNew(bar, [shown.map((item) => [item.id, item.label, item.seconds]), table.data.film], () => {
      const before = table.root.getRootNode().activeElement?.ariaLabel;
      bar.replaceChildren(...shown.map((item, at) => this.clip(item, at, shown.length)));
      if (shown.length) bar.append(el("li", { className: "sum num", textContent: this.length(shown) }));
      // A person who moves a clip by its arrow goes on with that arrow.
      if (before) [...bar.querySelectorAll("button")].find((one) => one.ariaLabel === before)?.focus();
    });
    [...bar.children].forEach((li) => { li.dataset.focus = li.dataset.id === table.current?.id ? "1" : "0"; });
  }

  length(shown) {
    const { cards, joint } = this.table.data.film;
    const seconds = shown.reduce((sum, item) => sum + item.seconds, 0);
    return `film ${(cards + seconds - joint * (shown.length - 1)).toFixed(1)} s`;
  }

  clip(item, at, count) {
    const li = el("li", { draggable: true },
      el("img", { src: item.poster, alt: "" }),
      this.arrow("‹", `Move ${item.label} earlier`, "[", at === 0, () => this.table.reorder(at, at - 1)),
      el("span", { textContent: `${at + 1} ${item.label}` }),
      this.arrow("›", `Move ${item.label} later`, "]", at === count - 1, () => this.table.reorder(at, at + 1)));
    li.dataset.id = item.id;
    li.ondragstart = (event) => {
      this.held = at;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", item.label);
      li.classList.add("drag");
    };
    li.ondragend = () => this.release(li);
    li.ondragover = (event) => {
      if (this.held === null) return;
      event.preventDefault();
      li.classList.add("over");
    };
    li.ondragleave = () => li.classList.remove("over");
    li.ondrop = (event) => {
      event.preventDefault();
      const from = this.held;
      this.release(li);
      if (from !== null) this.table.reorder(from, at);
    };
    return li;
  }

  release(li) {
    this.held = null;
    li.classList.remove("drag", "over");
    this.paint();
  }

  arrow(glyph, label, key, off, act) {
    const button = el("button", { type: "button", ariaLabel: label, disabled: off, onclick: act },
      glyph, el("kbd", { textContent: key }));
    return button;
  }
}
