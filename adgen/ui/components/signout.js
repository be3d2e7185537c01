// The cookie cannot be removed from the script, so the API does it and the page starts afresh.
export default function ({ parentElement }) {
  parentElement.querySelector("button").onclick = async () => {
    await fetch("/api/auth/logout", { method: "POST" });
    location.replace("/");
  };
}
