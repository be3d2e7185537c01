// The password goes to the API only, never through the page's own connection.
export default function ({ parentElement, data }) {
  if (data.go) return void location.replace(data.go);
  const form = parentElement.querySelector("form");
  const say = form.querySelector("output");
  const button = form.querySelector("button");
  if (data.note && !say.value) say.value = data.note;
  form.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    say.value = "";
    try {
      const answer = await fetch("/api/auth/login", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(Object.fromEntries(new FormData(form))),
      });
      if (answer.ok) return location.replace(location.pathname + location.search.replace(/[?&]link=used/, ""));
      say.value = (await answer.json()).detail || "That did not work. Try again.";
    } catch {
      say.value = "The app cannot be reached. Check your connection and try again.";
    }
    button.disabled = false;
  };
}
