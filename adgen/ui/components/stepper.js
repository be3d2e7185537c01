// The way through an ad: where you are, what is done, what it cost so far.
export default function ({ parentElement, data, setTriggerValue }) {
  const list = parentElement.querySelector(".steps");
  list.replaceChildren(...data.steps.map((step, index) => {
    const li = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.disabled = !step.open;
    button.dataset.done = step.done ? "1" : "0";
    if (step.here) button.setAttribute("aria-current", "step");
    const mark = document.createElement("em");
    mark.textContent = step.done && !step.here ? "✓" : index + 1;
    const name = document.createElement("span");
    name.textContent = step.label;
    button.setAttribute("aria-label", step.done ? `${step.label}, done` : step.label);
    button.append(mark, name);
    button.onclick = () => setTriggerValue("go", step.page);
    li.append(button);
    return li;
  }));
  parentElement.querySelector(".who b").textContent = data.title;
  parentElement.querySelector(".who span").textContent = data.money;
}
