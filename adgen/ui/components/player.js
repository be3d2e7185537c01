// A film, streamed with the login's cookie; beside it the ways to keep it, and its facts.
export default function ({ parentElement, data }) {
  const film = parentElement.querySelector(".film");
  const [wide, high] = data.ratio.split(":").map(Number);
  film.classList.toggle("plain", !data.name);
  film.style.setProperty("--ratio", `${wide} / ${high}`);
  film.style.setProperty("--share", wide / high);
  film.style.setProperty("--around", `${data.around}px`);
  const video = parentElement.querySelector("video");
  if (video.getAttribute("src") !== data.url) video.src = data.url;
  video.setAttribute("aria-label", data.title);

  const named = encodeURIComponent(data.name);
  const link = parentElement.querySelector(".download");
  link.href = `${data.url}?download=${named}`;
  const receipt = parentElement.querySelector(".receipt");
  receipt.hidden = !data.receipt;
  receipt.href = `${data.url}/receipt?download=${named}`;
  receipt.title = "What the film was made from and how, as a JSON file: models, prompts, seeds, music, versions";
  parentElement.querySelector(".row").hidden = !data.name;

  const list = parentElement.querySelector("dl");
  list.hidden = !data.facts.length;
  list.replaceChildren(...data.facts.flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const said = document.createElement("dd");
    term.textContent = name;
    said.textContent = value;
    return [term, said];
  }));
  for (const name of ["warn", "note"]) {
    const said = parentElement.querySelector(`.${name}`);
    said.hidden = !data[name];
    said.textContent = data[name];
  }
}
