// Ways to other places of this server in this tab, or files of it to keep.
const PLAY = "M5 3.5v13l11-6.5z";

export default function ({ parentElement, data }) {
  const nav = parentElement.querySelector("nav");
  nav.className = data.look;
  nav.replaceChildren(...(data.lead ? [data.lead] : []), ...data.links.map((link) => {
    const a = document.createElement("a");
    a.href = link.url;
    if (link.file) a.download = "";
    if (link.play) a.append(triangle());
    const words = document.createElement("span");
    words.textContent = link.label;
    if (link.note) {
      const note = document.createElement("small");
      note.textContent = link.note;
      words.append(note);
    }
    a.append(words);
    return a;
  }));
}

function triangle() {
  const SVG = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PLAY);
  svg.append(path);
  return svg;
}
