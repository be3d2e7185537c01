// Pictures or clips side by side: a mood board, a film's clips uncropped, a brand's cards, or a
// brief's photos with a way to remove one.
export default function ({ parentElement, data, setTriggerValue }) {
  const board = parentElement.querySelector(".ad > div");
  const shape = JSON.stringify(data);
  if (board.dataset.shape === shape) return;
  board.dataset.shape = shape;
  board.className = data.layout;
  board.dataset.count = data.items.length;
  board.style.setProperty("--ratio", data.ratio.replace(":", " / "));
  board.style.setProperty("--columns", data.ratio === "16:9" ? 2 : 3);
  board.replaceChildren(...data.items.map((item) => {
    const figure = document.createElement("figure");
    const media = document.createElement(item.video ? "video" : "img");
    media.src = item.url;
    media.style.objectPosition = `${item.focus[0] * 100}% ${item.focus[1] * 100}%`;
    if (item.video) {
      Object.assign(media, { muted: true, loop: true, playsInline: true });
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) media.autoplay = true;
    } else media.alt = item.alt || item.label;
    figure.append(media);
    if (data.removable) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "photo-x";
      button.textContent = "×";
      button.setAttribute("aria-label", `Remove ${item.label}`);
      button.onclick = () => setTriggerValue("remove", item.id);
      figure.append(button);
    } else if (item.label) {
      const caption = document.createElement("figcaption");
      caption.textContent = item.label;
      figure.append(caption);
    }
    return figure;
  }));
}
