// Small things every part of the table uses. Markup is ours only; people's words are set as text.
const LINE = 'viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"';
const SIGN = {
  approved: `<svg ${LINE}><path d="M4.5 10.5 8.4 14.4 15.6 5.9" stroke-width="2.6"/></svg>`,
  rejected: `<svg ${LINE}><path d="m5.4 5.4 9.2 9.2m0-9.2-9.2 9.2" stroke-width="2.6"/></svg>`,
  open: `<svg ${LINE}><circle cx="10" cy="10" r="5.6" stroke-width="2.2"/></svg>`,
  queued: `<svg ${LINE}><path d="M5 10h.01M10 10h.01M15 10h.01" stroke-width="2.6"/></svg>`,
  starting: `<svg ${LINE}><circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.6 1.6"/></svg>`,
  running: `<svg ${LINE}><circle cx="10" cy="10" r="7" opacity=".3"/><path d="M17 10a7 7 0 0 0-7-7"/></svg>`,
  retrying: `<svg ${LINE}><path d="M16.5 10A6.5 6.5 0 1 1 14.4 5.2"/><path d="M16.5 3v3.4h-3.4"/></svg>`,
  failed: `<svg ${LINE}><path d="m6 6 8 8m0-8-8 8"/></svg>`,
  missing: `<svg ${LINE}><circle cx="10" cy="10" r="6.5" stroke-dasharray="2.4 3"/></svg>`,
  removed: `<svg ${LINE}><path d="M5.5 6.5h9M8.2 6.5V4.6h3.6v1.9M6.6 6.5l.7 9h5.4l.7-9"/></svg>`,
  note: `<svg ${LINE}><circle cx="10" cy="10" r="7"/><path d="M10 9.4v4M10 6.6h.01"/></svg>`,
  remark: `<svg ${LINE}><path d="M4 4.5h12v8.4H9.2L6 15.6v-2.7H4z"/></svg>`,
};
const WORDS = { approved: "approved", rejected: "rejected", open: "undecided" };
const WAITING = {
  queued: "in line", starting: "waiting for a machine", running: "generating",
  retrying: "trying again", failed: "failed", missing: "not made",
  removed: "removed",
};

function el(tag, props = {}, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children);
  return made;
}

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function sign(name, className) {
  return el("span", { className, innerHTML: SIGN[name] });
}

// Redraw a part only when what it shows has changed, so that nothing in it blinks.
function whenNew(node, shape, draw) {
  const key = JSON.stringify(shape);
  if (node.dataset.shape === key) return;
  node.dataset.shape = key;
  draw(node);
}

// A picture or clip, around what matters where its frame is of another shape.
function mediaOf(shown, kind, alt) {
  if (kind === "clip") {
    return el("video", {
      src: shown.url, muted: true, loop: true, playsInline: true, preload: "auto", ariaLabel: alt,
    });
  }
  const picture = el("img", { src: shown.url, alt });
  picture.style.objectPosition = shown.focus.map((part) => `${part * 100}%`).join(" ");
  return picture;
}

function play(media) {
  // A clip that is taken away meanwhile does not play, and need not.
  media?.play?.().catch(() => {});
}

// None of its buttons has the focus then, so that Space stays a key of the table.
function showDialog(dialog) {
  dialog.showModal();
  dialog.focus();
}

function factList(facts) {
  const list = el("dl", { className: "num" });
  for (const [name, value] of facts || []) {
    list.append(el("dt", { textContent: name }), el("dd", { textContent: value }));
  }
  return list;
}
