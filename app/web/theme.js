// Light or dark, before the first paint: what was chosen here before, else what the system prefers.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = localStorage.getItem("theme");
  if (chosen) root.dataset.theme = chosen;

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const show = () => (root.dataset.shown = isDark() ? "dark" : "light");
  show();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const say = () => {
      show();
      button.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
      document.dispatchEvent(new Event("theme"));
    };
    button.onclick = () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
      say();
    };
    dark.addEventListener("change", say);
    say();
  });
})();
