// A wall of films: poster, name, stage, cost, when. A finished one plays while pointed at.
export default function ({ parentElement, data, setTriggerValue }) {
  parentElement.querySelector(".wall").replaceChildren(...data.ads.map((ad) => {
    const li = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const poster = document.createElement("div");
    poster.className = "poster";
    if (ad.poster) {
      const img = document.createElement("img");
      Object.assign(img, { src: ad.poster, alt: "", loading: "lazy" });
      poster.append(img);
    } else poster.append("No pictures yet");
    if (ad.video) {
      const video = document.createElement("video");
      Object.assign(video, { src: ad.video, muted: true, loop: true, playsInline: true, preload: "none" });
      poster.append(video);
      button.onmouseenter = () => video.play().catch(() => {});
      button.onmouseleave = () => video.pause();
    }
    const stage = document.createElement("span");
    stage.className = `stage ${ad.tone}`;
    stage.textContent = ad.stage;
    poster.append(stage);
    const title = document.createElement("h3");
    title.textContent = ad.title;
    const line = document.createElement("p");
    for (const word of [ad.cost, ad.who, ad.when]) {
      const span = document.createElement("span");
      span.className = "num";
      span.textContent = word;
      line.append(span);
    }
    button.setAttribute("aria-label", `${ad.title}, ${ad.stage}, ${ad.cost}`);
    button.append(poster, title, line);
    button.onclick = () => setTriggerValue("open", { id: ad.id, page: ad.page });
    li.append(button);
    return li;
  }));
}
