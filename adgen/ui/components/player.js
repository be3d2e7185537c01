// The finished film, streamed with the login's cookie.
export default function ({ parentElement, data }) {
  const video = parentElement.querySelector("video");
  if (video.getAttribute("src") !== data.url) video.src = data.url;
  video.setAttribute("aria-label", data.title);
  const link = parentElement.querySelector(".download");
  link.href = `${data.url}?download=${encodeURIComponent(data.title)}`;
  parentElement.querySelector(".row span").textContent = data.facts;
}
