// The job editor: chosen Qs as chips, the list by keyboard, and the preview asked for after each change. The form works
// without any of it.
(function () {
  "use strict";

  var MOST_CHIPS = 40; // more are only counted: nobody reads three hundred

  function all(selector, within) {
    return Array.prototype.slice.call(within.querySelectorAll(selector));
  }

  var form = document.querySelector("[data-job-form]");
  if (!form) return;
  var picker = form.querySelector("[data-picker]");
  var search = picker && picker.querySelector("[data-picker-search]");
  var chips = picker && picker.querySelector("[data-chips]");

  function boxes() { return all("input[type=checkbox]", picker); }
  function shown() { return boxes().filter(function (box) { return !box.closest("li").hidden; }); }

  // --- chips --------------------------------------------------------------------------------------------------------

  function drawChips() {
    var chosen = boxes().filter(function (box) { return box.checked; });
    chips.textContent = "";
    chosen.slice(0, MOST_CHIPS).forEach(function (box) {
      var name = box.closest("li").dataset.text;
      var chip = document.createElement("button");
      chip.type = "button";
      chip.className = "eb-chip";
      chip.dataset.chip = box.value;
      chip.setAttribute("aria-label", chips.dataset.remove + " " + name);
      chip.append(name);
      if ("isArchived" in box.dataset) {
        var mark = document.createElement("small");
        mark.textContent = " (" + chips.dataset.archived + ")";
        chip.append(mark);
      }
      chips.append(chip);
    });
    if (chosen.length > MOST_CHIPS) {
      var rest = document.createElement("span");
      rest.className = "eb-chips-more";
      rest.textContent = chips.dataset.more.replace("#", String(chosen.length - MOST_CHIPS));
      chips.append(rest);
    }
  }

  function setBox(box, on) {
    if (box.checked === on) return;
    box.checked = on;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // --- one stop for the tab key, arrows within the list ---------------------------------------------------------------

  function rove() {
    var open = shown();
    var here = open.indexOf(document.activeElement);
    boxes().forEach(function (box) { box.tabIndex = -1; });
    if (open.length) open[Math.max(0, here)].tabIndex = 0;
  }

  function go(event, from) {
    var open = shown();
    if (!open.length) return;
    var place = open.indexOf(from);
    var to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: open.length - 1 }[event.key];
    event.preventDefault();
    if (to < 0) { search.focus(); return; }
    open[Math.min(to, open.length - 1)].focus();
    rove();
  }

  function keys(event) {
    if (event.target === search) {
      if (event.key === "Enter") {
        event.preventDefault();
        if (search.value.trim() && shown().length) {
          setBox(shown()[0], true);
          search.value = "";
          search.dispatchEvent(new Event("input", { bubbles: true }));
        }
      } else if (event.key === "ArrowDown") go(event, null);
    } else if (event.target.matches("input[type=checkbox]")) {
      if (["ArrowDown", "ArrowUp", "Home", "End"].indexOf(event.key) >= 0) go(event, event.target);
      else if (event.key === "Escape") search.focus();
    }
  }

  // --- the preview ----------------------------------------------------------------------------------------------------

  function changed() { form.dispatchEvent(new CustomEvent("job-changed")); }

  form.addEventListener("input", function (event) { if (event.target.name && event.target.type === "text") changed(); });
  form.addEventListener("change", function (event) { if (event.target.type !== "search") changed(); });

  // --- leaving with something entered that is not saved ------------------------------------------------------------

  var unsaved = "unsaved" in form.dataset; // it came back with a question or a mistake
  form.addEventListener("job-changed", function () { unsaved = true; });
  form.addEventListener("submit", function () { unsaved = false; });
  window.addEventListener("beforeunload", function (event) { if (unsaved) event.preventDefault(); });

  document.addEventListener("htmx:afterSettle", function () {
    var told = document.querySelector("#preview-body [data-said]");
    if (told) document.querySelector("[data-preview-said]").textContent = told.dataset.said;
  });

  // A question that was closed is no answer: without this, Enter in the form would press its button.
  all("dialog[data-question]", document).forEach(function (dialog) {
    dialog.addEventListener("close", function () { if (!dialog.open) dialog.remove(); });
  });

  all("[data-without-js]", document).forEach(function (part) { part.hidden = true; });

  if (picker) {
    form.addEventListener("change", function (event) { if (picker.contains(event.target)) drawChips(); });
    picker.addEventListener("click", function (event) {
      var chip = event.target.closest("[data-chip]");
      if (!chip) return;
      var place = all("[data-chip]", chips).indexOf(chip);
      setBox(picker.querySelector('input[value="' + CSS.escape(chip.dataset.chip) + '"]'), false);
      var left = all("[data-chip]", chips);
      (left[Math.min(place, left.length - 1)] || search).focus();
    });
    picker.addEventListener("keydown", keys);
    picker.addEventListener("focusin", rove);
    document.addEventListener("input", function (event) { if (event.target === search) rove(); });
    picker.querySelector(".eb-picker-list").removeAttribute("tabindex");
    drawChips();
    rove();
  }

  var wrong = form.querySelector(".eb-errors p");
  if (wrong && !document.querySelector("dialog:modal")) {
    var set = wrong.closest(".eb-field");
    (set.querySelector("input:not([type=hidden]):not([hidden])") || set).focus();
  }
})();
