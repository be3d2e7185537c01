// A wall of films: poster, name, stage, cost, when; each with a small menu of what else to do.
const MEMORY = new WeakMap();
const DOTS = '<svg viewBox="0 0 20 20" fill="currentColor" aria-hidden="true"><circle cx="4.5" cy="10" r="1.7"/><circle cx="10" cy="10" r="1.7"/><circle cx="15.5" cy="10" r="1.7"/></svg>';

export default function ({ parentElement, data, setTriggerValue }) {
  const list = parentElement.querySelector(".wall");
  const menu = parentElement.querySelector(".menu");
  const keys = parentElement.querySelector(".keys");
  const dialog = parentElement.querySelector(".name");
  if (!MEMORY.has(list)) MEMORY.set(list, { page: data.page });
  const s = MEMORY.get(list);
  const act = (ad, what, more) => setTriggerValue("act", { id: ad.id, what, ...more });

  // Cards that stay are kept, so that no picture blinks and no focus is lost.
  const kept = new Map([...list.children].map((li) => [li.dataset.shape, li]));
  const cells = data.ads.map((ad) => {
    const shape = JSON.stringify([ad, data.may_change]);
    return kept.get(shape) || cell(ad, shape);
  });
  for (const li of [...list.children]) if (!cells.includes(li)) li.remove();
  cells.forEach((li, at) => { if (list.children[at] !== li) list.insertBefore(li, list.children[at] || null); });
  keys.hidden = !cells.length;
  if (s.page !== data.page) list.scrollIntoView({ block: "start" });
  s.page = data.page;
  if (s.acted !== undefined && !parentElement.activeElement && document.activeElement === document.body) focus(s.acted);
  delete s.acted;

  function cell(ad, shape) {
    const li = document.createElement("li");
    li.dataset.shape = shape;
    const card = document.createElement("a");
    card.className = "card";
    card.href = ad.link;
    card.setAttribute("aria-label", `${ad.title}, ${ad.stage}, ${ad.cost}`);
    const title = document.createElement("h3");
    title.textContent = title.title = ad.title;
    card.append(poster(ad, card), title, facts(ad));
    card.onclick = (e) => {
      // A new tab or window is the browser's own business.
      if (e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
      e.preventDefault();
      // A step of the history made by hand: the app's own leaves one between, without the filters.
      history.pushState({}, "", card.href);
      dispatchEvent(new PopStateEvent("popstate", { state: {} }));
    };
    li.append(card);
    if (data.may_change) li.append(more(ad, li));
    return li;
  }
  function poster(ad, card) {
    const frame = document.createElement("div");
    frame.className = "poster";
    if (ad.poster) {
      const img = document.createElement("img");
      Object.assign(img, { src: ad.poster, alt: "", loading: "lazy", draggable: false });
      frame.append(img);
    } else frame.append("No pictures yet");
    if (ad.video) {
      const film = document.createElement("video");
      Object.assign(film, { src: ad.video, muted: true, loop: true, playsInline: true, preload: "none" });
      film.onplaying = () => film.classList.add("plays");
      card.onmouseenter = card.onfocus = () => film.play().catch(() => {});
      card.onmouseleave = card.onblur = () => { film.pause(); film.classList.remove("plays"); };
      frame.append(film);
    }
    const stage = document.createElement("span");
    stage.className = `stage ${ad.tone}`;
    stage.textContent = ad.stage;
    frame.append(stage);
    if (ad.badge) {
      const badge = document.createElement("span");
      badge.className = "badge";
      badge.textContent = ad.badge;
      frame.append(badge);
    }
    return frame;
  }
  function facts(ad) {
    const line = document.createElement("p");
    for (const word of [ad.cost, ad.who]) {
      const span = document.createElement("span");
      span.className = "num";
      span.textContent = word;
      line.append(span);
    }
    const when = document.createElement("time");
    Object.assign(when, { className: "num", textContent: ad.when, title: ad.exact });
    line.append(when);
    return line;
  }

  function more(ad, li) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    button.innerHTML = DOTS;
    button.title = "More";
    button.setAttribute("aria-label", `More for ${ad.title}`);
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    // The menu closes itself on a press outside it; a second press on its button must not reopen it.
    button.onpointerdown = () => { button.was = button.getAttribute("aria-expanded") === "true"; };
    button.onclick = () => { if (!button.was) open(ad, li, button); button.was = false; };
    return button;
  }
  function open(ad, li, button) {
    const items = [["rename", "Rename"], ["duplicate", "Duplicate"], ad.archived ? ["restore", "Restore"] : ["archive", "Archive"]];
    menu.replaceChildren(...items.map(([what, words]) => {
      const item = document.createElement("button");
      Object.assign(item, { type: "button", textContent: words, tabIndex: -1 });
      item.setAttribute("role", "menuitem");
      item.onclick = () => {
        s.acted = [...list.children].indexOf(li);
        menu.hidePopover();
        if (what === "rename") rename(ad, li);
        else act(ad, what);
      };
      return item;
    }));
    s.opener = button;
    menu.setAttribute("aria-label", ad.title);
    menu.showPopover();
    place(button);
    menu.firstChild.focus();
    button.setAttribute("aria-expanded", "true");
    const close = () => menu.hidePopover();
    document.addEventListener("scroll", close, true);
    menu.ontoggle = (e) => {
      if (e.newState === "open") return;
      document.removeEventListener("scroll", close, true);
      button.setAttribute("aria-expanded", "false");
    };
  }
  function place(button) {
    const at = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    const below = at.bottom + 4 + height < innerHeight;
    menu.style.left = `${Math.max(8, Math.min(at.right, innerWidth - 8) - width)}px`;
    menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - 4 - height)}px`;
  }
  menu.onkeydown = (e) => {
    const items = [...menu.children];
    const at = items.indexOf(parentElement.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[e.key];
    if (e.key === "Tab" || e.key === "Escape") {
      menu.hidePopover();
      s.opener.focus();
    }
    if (next === undefined) return;
    e.preventDefault();
    items[(next + items.length) % items.length].focus();
  };

  function rename(ad, li) {
    const [form, name, says, cancel] = ["form", "input", "p", "button"].map((tag) => dialog.querySelector(tag));
    Object.assign(name, { value: ad.title, maxLength: data.title_max, oninput: () => { says.textContent = ""; } });
    says.textContent = "";
    form.onsubmit = (e) => {
      const title = name.value.trim();
      if (!title) {
        e.preventDefault();
        says.textContent = "Give the ad a name of at least one letter.";
        return;
      }
      li.querySelector("h3").textContent = title;
      act(ad, "rename", { title });
    };
    cancel.onclick = () => dialog.close();
    dialog.onclose = () => li.querySelector(".more")?.focus();
    dialog.showModal();
    name.select();
  }
  function focus(index) {
    const li = list.children[Math.min(index, list.children.length - 1)];
    li?.querySelector(".card").focus();
  }
  const columns = () => getComputedStyle(list).gridTemplateColumns.split(" ").length;
  if (s.onKey) document.removeEventListener("keydown", s.onKey, true);
  s.onKey = (e) => {
    const target = e.composedPath()[0];
    const typing = target.matches?.("input, textarea, select, [contenteditable=true], [role=combobox]");
    if (typing || menu.contains(target) || dialog.open || document.querySelector("[role=dialog]")) return;
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const at = [...list.children].findIndex((li) => li.contains(target));
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[e.key];
    const press = {
      "/": () => document.querySelector(".st-key-q input")?.focus(),
      n: () => document.querySelector(".st-key-new button")?.click(),
      "?": () => { keys.open = !keys.open; },
      m: at >= 0 && (() => list.children[at].querySelector(".more")?.click()),
    }[e.key.toLowerCase()] || (step && at >= 0 && (() => at + step >= 0 && focus(at + step)));
    if (!press) return;
    // Capture phase: the app's own shortcuts must not see our keys.
    e.preventDefault();
    e.stopPropagation();
    press();
  };
  document.addEventListener("keydown", s.onKey, true);
  return () => document.removeEventListener("keydown", s.onKey, true);
}
