// Charts of this page as PNG files, made by the browser that shows them: with a title and a ground,
// which they lack on the page. What makes them is the camera that Plotly puts above each chart.
const AROUND = 24;
const TITLE = 44;
// A phone's chart has no room for a title and all its names in a line.
const LEAST_WIDE = 800;
const SAVED_MS = 4000;

// The press by which Plotly hands the file over would close what these buttons stand in.
function quiet(event) {
  if (event.target.matches?.("body > a[download]")) event.stopPropagation();
}

export default function ({ parentElement, data }) {
  const nav = parentElement.querySelector("nav");
  const shown = JSON.stringify(data);
  if (nav.dataset.shown === shown) return;
  nav.dataset.shown = shown;
  nav.replaceChildren(data.lead, ...data.charts.map((chart) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = chart.label;
    button.title = `Save “${chart.label}” as a PNG`;
    button.onclick = () => save(chart, data);
    return button;
  }));
}

function save(chart, data) {
  const plot = document.querySelector(`[class*="st-key-chart-${chart.name}-"] .js-plotly-plot`);
  const camera = plot?.querySelector('.modebar-btn[data-attr="toImage"], .modebar-btn');
  if (!camera) return;
  const drawn = plot.layout;
  const margin = drawn.margin || {};
  const title = { text: `${chart.label} · ${data.said}`, x: 0, xref: "container", xanchor: "left", y: 1,
    yref: "container", yanchor: "top", pad: { l: AROUND, t: 16 }, font: { size: 14, color: data.text } };
  const sides = Object.fromEntries(["l", "r", "t", "b"].map((side) => [side, (margin[side] || 0) + AROUND]));
  // Plotly takes its copy while the camera is pressed; the chart on the page stays as it is.
  plot.layout = { ...drawn, title, paper_bgcolor: data.ground, margin: { ...margin, ...sides, t: sides.t + TITLE } };
  const options = plot._context.toImageButtonOptions;
  plot._context.toImageButtonOptions = { ...options, filename: `adgen-costs-${chart.name}`,
    height: plot.clientHeight + TITLE + 2 * AROUND, width: Math.max(plot.clientWidth, LEAST_WIDE) };
  window.addEventListener("click", quiet, true);
  setTimeout(() => window.removeEventListener("click", quiet, true), SAVED_MS);
  camera.dispatchEvent(new MouseEvent("click"));
  plot.layout = drawn;
  plot._context.toImageButtonOptions = options;
}
