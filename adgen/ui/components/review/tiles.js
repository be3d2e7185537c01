// The pictures or clips side by side. A tile is kept between paints, so that nothing blinks or jumps.

// What stands above and below the tiles, and between them, pixels.
const AROUND = 240;
const GAP = 12;

class Tiles {
  constructor(table, grid) {
    this.table = table;
    this.grid = grid;
  }

  // The fewest in a row, and so the largest, that all are in sight at once.
  fit() {
    const { items, data } = this.table;
    const [wide, high] = data.ratio.split(":").map(Number);
    const room = window.innerHeight - AROUND;
    let columns = 3;
    const height = () => {
      const width = (this.grid.clientWidth - GAP * (columns - 1)) / columns;
      return Math.ceil(items.length / columns) * ((width * high) / wide + GAP);
    };
    while (columns < 6 && height() > room) columns += 1;
    return columns;
  }

  get columns() {
    return getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
  }

  at(index) {
    return this.grid.children[index]?.firstElementChild;
  }

  // Bring the focused one into sight; the browser's own focus goes along when it is on a tile.
  follow() {
    const tile = this.at(this.table.focus);
    if (this.grid.contains(this.table.root.getRootNode().activeElement)) {
      tile?.focus({ preventScroll: true });
    }
    tile?.scrollIntoView({ block: "nearest" });
    this.playFocused();
  }

  // Who goes by keys sees the clips move as well, as under the mouse.
  playFocused() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.grid.querySelectorAll("video").forEach((clip) => clip.pause());
    play(this.at(this.table.focus)?.querySelector("video"));
  }

  paint() {
    const { items, data } = this.table;
    this.grid.style.setProperty("--ratio", data.ratio.replace(":", " / "));
    this.grid.style.setProperty("--columns", this.fit());
    while (this.grid.children.length > items.length) this.grid.lastElementChild.remove();
    items.forEach((item, index) => {
      const cell = this.grid.children[index] || this.grid.appendChild(el("li"));
      whenNew(cell, [item.id, item.id ? "" : item.state, item.label], () => this.build(cell, item, index));
      this.dress(this.at(index), item, index);
    });
  }

  build(cell, item, index) {
    const button = el("button", { type: "button", className: "tile" });
    button.onclick = () => this.table.click(index);
    button.onfocus = () => this.table.look(index);
    button.append(...(item.id ? this.content(item, index, button) : [this.waiting(item)]));
    // What was there before stays until the new one can be seen.
    const before = cell.querySelector("img, video");
    if (before && item.id) {
      const media = button.firstElementChild;
      media.addEventListener(media.tagName === "IMG" ? "load" : "loadeddata", () => before.remove());
      button.prepend(before);
    }
    cell.replaceChildren(button);
  }

  content(item, index, button) {
    const { kind } = this.table.data;
    const media = mediaOf(item, kind, kind === "clip" ? `${item.label} clip` : `${item.label} view`);
    if (kind === "clip") {
      button.onmouseenter = () => play(media);
      button.onmouseleave = () => media.pause();
    } else {
      button.ondblclick = () => this.table.zoom.open();
    }
    const caption = el("span", { className: "caption" },
      el("i", { className: "keycap num", textContent: index + 1 }),
      el("b", { textContent: item.label }),
      el("span", { className: "num why" }));
    return [media, el("span", { className: "badge" }), sign("remark", "noted"), caption,
      el("span", { className: "pill" }), el("span", { className: "remake" })];
  }

  waiting(item) {
    return el("div", { className: `wait ${item.state}`, innerHTML: SIGN[item.state] || "" },
      el("b", { textContent: item.label }), el("small", { textContent: WAITING[item.state] || "" }));
  }

  dress(tile, item, index) {
    tile.dataset.focus = index === this.table.focus ? "1" : "0";
    if (!item.id) {
      tile.setAttribute("aria-label", `${index + 1}, ${item.label}, ${WAITING[item.state] || ""}`);
      return;
    }
    const mark = this.table.markOf(item);
    const reason = this.table.reasonOf(item);
    const remark = this.table.remarkOf(item);
    tile.dataset.mark = mark;
    tile.setAttribute("aria-pressed", String(mark === "approved"));
    tile.setAttribute("aria-label", [index + 1, item.label, WORDS[mark], reason, remark && "with a note"].filter(Boolean).join(", "));
    whenNew(tile.querySelector(".badge"), mark, (badge) => { badge.innerHTML = SIGN[mark]; });
    tile.querySelector(".why").textContent = reason || item.note || "";
    tile.querySelector(".noted").hidden = !remark;
    this.pill(tile.querySelector(".pill"), item);
    this.remake(tile, this.table.makingOf(item));
  }

  pill(pill, item) {
    const old = item.changes.length > 0;
    pill.textContent = old ? "out of date" : item.kept ? "new take failed" : item.placeholder ? "placeholder" : item.mockup ? "mock-up" : "";
    pill.title = item.changes.join(" ");
    pill.hidden = !pill.textContent;
    pill.classList.toggle("stale", old);
    pill.classList.toggle("bad", !old && item.kept);
  }

  remake(tile, making) {
    tile.classList.toggle("making", Boolean(making));
    whenNew(tile.querySelector(".remake"), making, (veil) => {
      veil.hidden = !making;
      veil.className = `remake wait ${making}`;
      veil.innerHTML = SIGN[making] || "";
      veil.append(el("small", { textContent: `new take: ${WAITING[making]}` }));
    });
  }
}
