// Small comforts over pages that work without JavaScript. Everything hangs on data attributes and is delegated from the
// document, so that fragments swapped in by htmx need no second wiring.
(function () {
  "use strict";

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }

  // --- set up: once for the page, again for each fragment -----------------------------------------------------------

  function prepare(within) {
    all(".eb-only-js", within).forEach(function (part) { part.hidden = false; });
    all("table[data-sortable]", within).forEach(makeSortable);
    all("[data-job-form]", within).forEach(showByType);
    all("[data-picker]", within).forEach(countChosen);
    all("dialog[data-modal]", within).forEach(function (dialog) {
      if (dialog.matches(":modal")) return;
      dialog.close();
      dialog.showModal();
    });
    all("[data-focus]", within).forEach(function (part) { part.focus(); });
  }

  // --- colours ------------------------------------------------------------------------------------------------------

  var NEXT = { auto: "light", light: "dark", dark: "auto" };

  function showTheme() {
    var choice = window.ebbtideTheme.chosen();
    all("[data-theme-toggle]").forEach(function (button) {
      var label = button.getAttribute("data-label-" + choice);
      button.setAttribute("aria-label", label);
      button.title = label;
      all("[data-theme-icon]", button).forEach(function (part) { part.hidden = part.dataset.themeIcon !== choice; });
    });
  }

  function nextTheme() {
    try { localStorage.setItem("ebbtide-theme", NEXT[window.ebbtideTheme.chosen()]); } catch (_) { return; }
    window.ebbtideTheme.apply();
    showTheme();
  }

  // --- searching within a list --------------------------------------------------------------------------------------

  function filter(input) {
    var list = document.getElementById(input.dataset.filter);
    if (!list) return;
    var words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    all("[data-text]", list).forEach(function (row) {
      var text = row.dataset.text.toLocaleLowerCase();
      row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      if (!row.hidden) shown += 1;
    });
    all('[data-filter-empty="' + list.id + '"]').forEach(function (note) { note.hidden = shown > 0; });
  }

  // --- the job form -------------------------------------------------------------------------------------------------

  function showByType(form) {
    var checked = form.querySelector('input[name$="type"]:checked, input[data-type]');
    all("[data-when-type]", form).forEach(function (part) {
      part.hidden = !checked || part.dataset.whenType !== checked.value;
      // What is not seen is not sent: the server refuses a Global job with chosen Qs instead of passing over them.
      all("fieldset", part).forEach(function (set) { set.disabled = part.hidden; });
    });
  }

  function countChosen(picker) {
    var number = all("input[type=checkbox]:checked", picker).length;
    all("[data-chosen]", picker).forEach(function (part) {
      part.textContent = number.toLocaleString(document.documentElement.lang || "en");
    });
  }

  function pick(button) {
    var picker = button.closest("[data-picker]");
    var on = button.dataset.pick === "all";
    all("li", picker).forEach(function (row) {
      var box = row.querySelector("input[type=checkbox]");
      // "Clear" clears what is hidden by the search too: a forgotten tick would delete data.
      if (box && (!on || !row.hidden)) box.checked = on;
    });
    picker.dispatchEvent(new Event("change", { bubbles: true })); // as if by hand: who listens is told
  }

  // --- sorting ------------------------------------------------------------------------------------------------------

  function makeSortable(table) {
    if (table.dataset.sortReady) return;
    table.dataset.sortReady = "1";
    all("thead th", table).forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "eb-sort";
      while (head.firstChild) button.appendChild(head.firstChild);
      head.appendChild(button);
      button.addEventListener("click", function () { sort(table, head, column); });
    });
  }

  function sort(table, head, column) {
    var down = head.getAttribute("aria-sort") === "ascending";
    all("thead th", table).forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    var body = table.tBodies[0];
    function key(row) {
      var cell = row.cells[column];
      return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
    }
    Array.prototype.slice.call(body.rows)
      .sort(function (a, b) {
        var x = key(a), y = key(b);
        var order = typeof x === "number" ? x - y : x.localeCompare(y, undefined, { numeric: true });
        return down ? -order : order;
      })
      .forEach(function (row) { body.appendChild(row); });
  }

  // --- asking before a step -----------------------------------------------------------------------------------------

  function ask(text, title, label, goOn) {
    var dialog = document.getElementById("confirm");
    var head = dialog.querySelector("h2");
    var yes = dialog.querySelector('[value="yes"]');
    head.textContent = title || head.dataset.default;
    yes.textContent = label || yes.dataset.default;
    dialog.querySelector("p").textContent = text;
    dialog.returnValue = "";
    dialog.addEventListener("close", function () { if (dialog.returnValue === "yes") goOn(); }, { once: true });
    dialog.showModal();
  }

  // --- events -------------------------------------------------------------------------------------------------------

  document.addEventListener("click", function (event) {
    var target = event.target.closest("[data-theme-toggle], [data-open], [data-close], [data-dismiss], [data-pick]");
    all("details[data-menu][open]").forEach(function (menu) { if (!menu.contains(event.target)) menu.open = false; });
    if (!target) return;
    if (target.matches("[data-theme-toggle]")) nextTheme();
    else if (target.matches("[data-open]")) document.getElementById(target.dataset.open).showModal();
    else if (target.matches("[data-close]")) target.closest("dialog").close();
    else if (target.matches("[data-dismiss]")) target.parentNode.remove();
    else pick(target);
  });

  document.addEventListener("input", function (event) {
    if (event.target.matches("[data-filter]")) filter(event.target);
  });

  document.addEventListener("change", function (event) {
    var form = event.target.closest("[data-job-form]");
    if (form) showByType(form);
    var picker = event.target.closest("[data-picker]");
    if (picker) countChosen(picker);
  });

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.dataset.confirm || form.dataset.confirmed) return;
    event.preventDefault();
    var sender = event.submitter;
    ask(form.dataset.confirm, form.dataset.confirmTitle, form.dataset.confirmButton, function () {
      form.dataset.confirmed = "1";
      form.requestSubmit(sender);
      delete form.dataset.confirmed;
    });
  });

  document.addEventListener("htmx:confirm", function (event) {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, "", "", function () { event.detail.issueRequest(true); });
  });

  document.addEventListener("htmx:afterSettle", function (event) { prepare(event.target); });

  var waiting = 0; // until when a "g" waits for its second key, in performance.now() milliseconds

  document.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && event.target.matches("input[type=search][data-filter]")) {
      event.preventDefault(); // a search inside a form must not send the form
      return;
    }
    if (event.key === "Escape") {
      all("details[data-menu][open]").forEach(function (menu) { menu.open = false; menu.firstElementChild.focus(); });
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog:modal")) return;
    if (event.target.matches("input:not([type=checkbox]):not([type=radio]), select, textarea")) return;
    if (performance.now() < waiting) {
      waiting = 0;
      var link = document.querySelector('[data-go="' + CSS.escape(event.key) + '"]');
      if (link) { event.preventDefault(); link.click(); return; }
    }
    if (event.key === "g") { waiting = performance.now() + 1500; return; }
    if (event.key === "?") { event.preventDefault(); document.getElementById("shortcuts").showModal(); return; }
    if (event.key === "/") {
      var box = all("[data-search]").find(function (field) { return field.offsetParent !== null; });
      if (box) { event.preventDefault(); box.focus(); }
    }
  });

  prepare(document);
  showTheme();
})();
