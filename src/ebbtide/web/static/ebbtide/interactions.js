"use strict";

// Sound and transcript of a segment go together: the turn that is heard is marked, and a click on a turn, or into the
// waveform, plays from there. Pieces of the page come later by htmx, so everything listens at the document.
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  function playerOf(element) {
    return element.closest("[data-player]");
  }

  function play(audio, seconds) {
    const go = () => {
      audio.currentTime = seconds;
      audio.play().catch(() => {});
    };
    if (audio.readyState >= HTMLMediaElement.HAVE_METADATA) {
      go();
    } else {
      audio.addEventListener("loadedmetadata", go, { once: true });
      audio.preload = "metadata";
      audio.load();
    }
  }

  function mark(player, ms) {
    let heard = null;
    for (const turn of player.querySelectorAll(".eb-turns [data-start]")) {
      if (Number(turn.dataset.start) <= ms) {
        heard = turn;
      }
    }
    const before = player.querySelector(".eb-turns [aria-current]");
    if (before === heard) {
      return;
    }
    before?.removeAttribute("aria-current");
    if (!heard) {
      return;
    }
    heard.setAttribute("aria-current", "true");
    const box = heard.closest(".eb-transcript");
    const top = heard.offsetTop - box.offsetTop - box.clientHeight / 3;
    box.scrollTo({ top, behavior: calm.matches ? "auto" : "smooth" });
  }

  function follow(event) {
    const audio = event.target;
    if (!(audio instanceof HTMLAudioElement) || !playerOf(audio)) {
      return;
    }
    const player = playerOf(audio);
    mark(player, audio.currentTime * 1000);
    const wave = player.querySelector(`[data-wave="${audio.dataset.audio}"]`);
    if (wave) {
      const whole = Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : Number(wave.dataset.seconds);
      const width = wave.viewBox.baseVal.width * Math.min(1, audio.currentTime / whole);
      wave.querySelector("rect").setAttribute("width", width.toFixed(1));
    }
  }

  document.addEventListener("timeupdate", follow, true);
  document.addEventListener("seeked", follow, true);

  document.addEventListener("click", (event) => {
    const turn = event.target.closest(".eb-turns [data-start]");
    const wave = event.target.closest("[data-wave]");
    const player = turn ? playerOf(turn) : wave ? playerOf(wave) : null;
    if (!player) {
      return;
    }
    if (wave) {
      const audio = player.querySelector(`[data-audio="${wave.dataset.wave}"]`);
      const box = wave.getBoundingClientRect();
      play(audio, ((event.clientX - box.left) / box.width) * Number(wave.dataset.seconds));
    } else if (!getSelection().toString()) {
      const audio = player.querySelector("[data-audio]");
      if (audio) {
        play(audio, Number(turn.dataset.start) / 1000);
      }
    }
  });
})();
