// An address of this server to copy; where the browser forbids that, it is selected at least.
export default function ({ parentElement, data }) {
  const input = parentElement.querySelector("input");
  const button = parentElement.querySelector("button");
  const whole = new URL(data.path, location.href).href;
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
