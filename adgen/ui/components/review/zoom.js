// One picture or clip as large as the window; the keys decide here as they do on the table.
class Zoom {
  constructor(table, dialog) {
    this.table = table;
    this.dialog = dialog;
    this.stage = dialog.querySelector(".stage");
    // Beside the buttons, a press anywhere closes.
    dialog.onclick = (event) => { if (!event.target.closest("button")) dialog.close(); };
    dialog.onclose = () => { delete this.stage.dataset.shape; this.stage.replaceChildren(); };
  }

  get isOpen() {
    return this.dialog.open;
  }

  toggle() {
    if (this.isOpen) this.dialog.close();
    else this.open();
  }

  open() {
    if (!this.table.current?.id || this.isOpen) return;
    showDialog(this.dialog);
    this.paint();
  }

  paint() {
    if (!this.isOpen) return;
    const { table } = this;
    const item = table.current;
    whenNew(this.stage, [item.id, item.state], () => {
      const alt = `${item.label}, large`;
      this.stage.replaceChildren(item.id ? mediaOf(item, table.data.kind, alt) : table.tiles.waiting(item));
      play(this.stage.querySelector("video"));
    });
    const said = item.id ? [WORDS[table.markOf(item)], table.reasonOf(item)] : [];
    this.dialog.querySelector("p").textContent = [table.focus + 1, capital(item.label), ...said].filter(Boolean).join(" · ");
    for (const button of this.dialog.querySelectorAll("[data-mark]")) {
      button.setAttribute("aria-pressed", String(Boolean(item.id) && button.dataset.mark === table.markOf(item)));
    }
  }
}
