// An address of this server, or other words, to copy; where the browser forbids that, it is selected at least.
export default function ({ parentElement, data }) {
  const input = parentElement.querySelector("input");
  const button = parentElement.querySelector("button");
  const whole = data.words || new URL(data.path, location.href).href;
  input.setAttribute("aria-label", data.label);
  if (input.value === whole) return;
  input.value = whole;
  button.textContent = "Copy";
  input.onfocus = () => input.select();
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(whole);
      button.textContent = "Copied";
    } catch {
      input.focus();
      input.select();
      button.textContent = "Selected";
    }
  };
}
