// The slider over days: it moves the days field of the form beside it, and follows it. From 1 day to the most, evenly by
// their logarithm, as along the foot of the cost curve. Delegated from the document, like everything in ebbtide.js.
(function () {
  "use strict";

  var STEPS = 1000;

  function fieldOf(slider) { return document.getElementById(slider.dataset.daysSlider); }

  function daysAt(place, most) { return Math.max(1, Math.round(Math.pow(most, place / STEPS))); }

  function placeOf(days, most) { return Math.round(STEPS * Math.log(days) / Math.log(most)); }

  function say(slider, days) {
    var text = slider.dataset.said.replace("#", days.toLocaleString());
    slider.setAttribute("aria-valuetext", text);
    slider.parentNode.querySelector("[data-days-said]").textContent = text;
  }

  function follow(slider) {
    var field = fieldOf(slider), most = Number(slider.dataset.most);
    var days = field && /^[0-9]+$/.test(field.value.trim()) ? Number(field.value) : 0;
    if (days < 1 || days > most) return;
    slider.value = placeOf(days, most);
    say(slider, days);
  }

  function all(within) {
    return Array.prototype.slice.call((within || document).querySelectorAll("[data-days-slider]"));
  }

  document.addEventListener("input", function (event) {
    if (event.target.matches("[data-days-slider]")) {
      var slider = event.target, field = fieldOf(slider);
      var days = daysAt(Number(slider.value), Number(slider.dataset.most));
      say(slider, days);
      if (field && field.value !== String(days)) {
        field.value = String(days);
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      return;
    }
    all().forEach(function (slider) { if (event.target === fieldOf(slider)) follow(slider); });
  });

  all().forEach(follow);
  document.querySelectorAll("[data-without-js]").forEach(function (part) { part.hidden = true; });
})();
