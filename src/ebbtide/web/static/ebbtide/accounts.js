// Passkeys and copying, over forms that say in data attributes what they need. Nothing else of an account needs a script.
(function () {
  "use strict";

  function toBytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }

  function toText(buffer) {
    var plain = Array.from(new Uint8Array(buffer), function (byte) { return String.fromCharCode(byte); }).join("");
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function named(list) {
    return (list || []).map(function (one) { return Object.assign({}, one, { id: toBytes(one.id) }); });
  }

  function ask(form) {
    var wanted = JSON.parse(form.dataset.options).publicKey;
    wanted.challenge = toBytes(wanted.challenge);
    if (form.dataset.passkey === "create") {
      wanted.user.id = toBytes(wanted.user.id);
      wanted.excludeCredentials = named(wanted.excludeCredentials);
      return navigator.credentials.create({ publicKey: wanted });
    }
    wanted.allowCredentials = named(wanted.allowCredentials);
    return navigator.credentials.get({ publicKey: wanted });
  }

  function told(credential) {
    var from = credential.response, response = { clientDataJSON: toText(from.clientDataJSON) };
    if (from.attestationObject) {
      response.attestationObject = toText(from.attestationObject);
      response.transports = from.getTransports ? from.getTransports() : [];
    } else {
      response.authenticatorData = toText(from.authenticatorData);
      response.signature = toText(from.signature);
      response.userHandle = from.userHandle ? toText(from.userHandle) : null;
    }
    return {
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response: response,
      authenticatorAttachment: credential.authenticatorAttachment || null,
      clientExtensionResults: credential.getClientExtensionResults()
    };
  }

  function show(form, what, on) {
    form.querySelector("[data-passkey-" + what + "]").hidden = !on;
  }

  function use(form) {
    show(form, "refused", false);
    ask(form).then(function (credential) {
      form.elements.credential.value = JSON.stringify(told(credential));
      form.dataset.ready = "1";
      form.submit();
    }).catch(function () { show(form, "refused", true); });
  }

  function usable() {
    // a passkey belongs to a host name: browsers refuse them for bare addresses, and without HTTPS but on localhost
    return window.isSecureContext && window.PublicKeyCredential && navigator.credentials &&
      !/^[\d.]+$|^\[/.test(location.hostname);
  }

  Array.prototype.forEach.call(document.querySelectorAll("[data-passkey]"), function (form) {
    if (!usable()) {
      show(form, "missing", true);
      form.querySelector("button").remove();
      return;
    }
    form.addEventListener("submit", function (event) {
      if (form.dataset.ready) return;
      event.preventDefault();
      use(form);
    });
    if ("auto" in form.dataset) use(form);
  });

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) return;
    var text = document.getElementById(button.dataset.copy).innerText;
    navigator.clipboard.writeText(text).then(function () {
      button.querySelector("span").textContent = button.dataset.copied;
    }).catch(function () {});
  });
})();
