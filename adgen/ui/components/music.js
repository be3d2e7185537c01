// The music of a film: every piece of the library and a person's own file, to hear and to choose
// from. One plays at a time; the sound is part of the page, so it ends when the page is left.
const MEMORY = new WeakMap();
const SIGN = {
  play: '<svg viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"><path d="M4.5 2.6v10.8a.6.6 0 0 0 .9.5l8.6-5.4a.6.6 0 0 0 0-1L5.4 2.1a.6.6 0 0 0-.9.5z"/></svg>',
  pause: '<svg viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"><path d="M4 2.5h2.8v11H4zM9.2 2.5H12v11H9.2z"/></svg>',
};

export default function ({ parentElement: root, data, setStateValue }) {
  const audio = root.querySelector("audio");
  let s = MEMORY.get(root);
  if (!s) MEMORY.set(root, (s = { seq: -1, chosen: "", heard: "", shown: "" }));
  // Our newest choice wins until the server has seen it.
  if (data.seq >= s.seq) Object.assign(s, { seq: data.seq, chosen: data.chosen });
  const options = [data.none, ...data.groups.flatMap((group) => group.tracks), data.own];
  const by = new Map(options.map((option) => [option.id, option]));
  const library = root.querySelector(".library");
  const rows = () => [...root.querySelectorAll(".row")];

  const shape = JSON.stringify([data.none, data.groups, data.own]);
  if (s.shown !== shape) {
    const first = !s.shown;
    s.shown = shape;
    root.querySelector(".top").replaceChildren(row(data.none));
    library.replaceChildren(...data.groups.map(section));
    root.querySelector(".own").replaceChildren(row(data.own));
    if (first) reveal(s.chosen);
    else if (s.heard && !by.get(s.heard)?.url) stop();
  }
  root.querySelector(".licence").textContent = data.licence;
  audio.volume = data.volume;
  paint();

  for (const one of rows()) {
    const { id } = one.dataset;
    one.querySelector(".pick").onclick = () => choose(id);
    const button = one.querySelector(".play");
    if (button) button.onclick = () => (sounding(id) ? audio.pause() : play(id));
  }
  audio.ontimeupdate = paint;
  audio.onplay = audio.onpause = paint;
  audio.onended = stop;
  audio.onerror = () => audio.getAttribute("src") && say("This browser cannot play it.");

  root.querySelector(".list").onkeydown = (event) => {
    const at = event.target.closest(".pick")?.parentElement;
    if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step) move(at, step);
    else if (event.key === " ") hear(at.dataset.id);
    else if (event.key === "Enter") choose(at.dataset.id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  function choose(id) {
    if (s.chosen !== id) {
      Object.assign(s, { chosen: id, seq: s.seq + 1 });
      setStateValue("choice", { id, seq: s.seq });
    }
    paint();
  }

  // As in any radio group the choice goes along; so does what plays.
  function move(from, step) {
    const all = rows();
    const to = all[(all.indexOf(from) + step + all.length) % all.length];
    const playing = !audio.paused;
    choose(to.dataset.id);
    to.querySelector(".pick").focus({ preventScroll: true });
    reveal(to.dataset.id);
    if (playing) by.get(to.dataset.id).url ? play(to.dataset.id) : stop();
  }

  function sounding(id) {
    return s.heard === id && !audio.paused;
  }

  function hear(id) {
    if (sounding(id)) audio.pause();
    else if (by.get(id).url) play(id);
    else choose(id);
  }

  function play(id) {
    say("");
    if (s.heard !== id) {
      s.heard = id;
      audio.src = by.get(id).url;
    }
    // Another piece may be asked for before this one has begun.
    audio.play().catch(() => {});
  }

  function stop() {
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    s.heard = "";
    paint();
  }

  function say(words) {
    root.querySelector(".said").textContent = words;
  }

  function paint() {
    for (const one of rows()) {
      const { id } = one.dataset;
      const option = by.get(id);
      const pick = one.querySelector(".pick");
      pick.setAttribute("aria-checked", String(id === s.chosen));
      pick.tabIndex = id === s.chosen ? 0 : -1;
      one.classList.toggle("playing", sounding(id));
      one.classList.toggle("paused", s.heard === id && audio.paused);
      const button = one.querySelector(".play");
      if (!button) continue;
      const sign = sounding(id) ? "pause" : "play";
      if (button.dataset.sign !== sign) {
        button.dataset.sign = sign;
        button.innerHTML = SIGN[sign];
        button.setAttribute("aria-label", `${sign === "play" ? "Play" : "Pause"} ${option.title}`);
      }
      const length = audio.duration || option.seconds;
      one.style.setProperty("--at", s.heard === id ? Math.min(audio.currentTime / length, 1) : 0);
    }
  }

  function reveal(id) {
    const one = rows().find((each) => each.dataset.id === id);
    if (one && library.contains(one)) {
      const above = one.offsetTop - 28;
      const below = one.offsetTop + one.offsetHeight - library.clientHeight;
      library.scrollTop = Math.max(Math.min(library.scrollTop, above), below);
    }
  }
}

function section(group) {
  const box = document.createElement("div");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", group.label);
  box.append(text("div", "group", group.label), ...group.tracks.map(row));
  return box;
}

function row(option) {
  const one = document.createElement("div");
  one.className = "row";
  one.dataset.id = option.id;
  const pick = document.createElement("button");
  pick.type = "button";
  pick.className = "pick";
  pick.setAttribute("role", "radio");
  pick.append(document.createElement("i"), text("b", "", option.title), text("span", "", option.kind ?? ""));
  one.append(pick);
  if (option.url) {
    pick.append(text("span", "length num", clock(option.seconds)));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "play";
    button.tabIndex = -1;
    one.append(button, text("div", "line", ""));
  }
  return one;
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function text(tag, name, words) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = words;
  return element;
}
