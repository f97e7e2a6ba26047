// Sets light or dark before the first paint; loaded blocking in <head> so that no page flashes in the wrong colours.
(function () {
  "use strict";
  var root = document.documentElement;
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try {
      var value = localStorage.getItem("ebbtide-theme");
      return value === "light" || value === "dark" ? value : "auto";
    } catch (_) {
      return "auto"; // storage may be switched off
    }
  }
  function apply() {
    var value = chosen();
    root.dataset.themeChoice = value;
    root.dataset.bsTheme = value === "auto" ? (system.matches ? "dark" : "light") : value;
  }
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  window.ebbtideTheme = { apply: apply, chosen: chosen };
  root.classList.add("js");
  apply();
})();
