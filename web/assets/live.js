// Liveness on top of pages that work without it: the parts of a running update replace themselves,
// commands can be copied, a form is sent once. Nothing here decides anything.
"use strict";

(() => {
  const RETRY_MS = 1000; // core restarts within seconds; a page that waits longer says so
  const run = document.querySelector("#run[data-events]");
  if (run) follow(run);
  else followPlan();
  addCopyButtons(document);
  document.addEventListener("submit", sendOnce);

  // Follows the update's events. The browser reconnects by itself after a broken connection; where
  // it gives up (an error status during a restart) we begin again from the last event we have.
  function follow(run) {
    let last = run.dataset.after;
    let isOver = false;
    open();

    function open() {
      const source = new EventSource(run.dataset.events + "?after=" + encodeURIComponent(last));
      source.addEventListener("open", () => offline(false));
      source.addEventListener("build", (event) => {
        // A newer core answers: its pages go with its stylesheet and script.
        if (event.data !== document.documentElement.dataset.build) location.reload();
      });
      source.addEventListener("parts", (event) => {
        if (event.lastEventId) last = event.lastEventId;
        show(event.data);
      });
      source.addEventListener("over", (event) => {
        isOver = true;
        source.close();
        show(event.data);
        document.title = document.querySelector("#run-head h1").textContent + " – " +
          document.querySelector("#run-status").textContent;
        followPlan();
      });
      source.addEventListener("error", () => {
        if (isOver) return;
        offline(true);
        if (source.readyState === EventSource.CLOSED) setTimeout(open, RETRY_MS);
      });
    }

    function offline(isOffline) {
      let line = document.querySelector("#offline");
      if (isOffline && !line) {
        line = document.createElement("p");
        line.id = "offline";
        line.className = "offline";
        line.textContent = "Waiting for the host to answer again. The update goes on without this page.";
        run.prepend(line);
      } else if (!isOffline && line) {
        line.remove();
      }
    }
  }

  // A plan of several hops goes on by itself, and so does a page that watches it. While core is
  // switched nobody may answer: then it is asked again.
  function followPlan() {
    const onward = document.querySelector("[data-follow]");
    if (!onward) return;
    setTimeout(async () => {
      try {
        const answer = await fetch(onward.dataset.follow, { credentials: "same-origin" });
        if (answer.ok && answer.url !== location.href) return location.replace(answer.url);
        if (answer.ok) return location.reload();
      } catch { /* not there at the moment */ }
      followPlan();
    }, 2 * RETRY_MS);
  }

  // Puts each part in the place of the one with its id.
  function show(html) {
    const box = document.createElement("template");
    box.innerHTML = html;
    for (const fresh of [...box.content.children]) put(fresh);
  }

  function put(fresh) {
    const old = document.getElementById(fresh.id);
    if (!old || old.outerHTML === fresh.outerHTML) return;
    if (old.getAttribute("role") === "status") {
      // A live region must stay the same element, or screen readers miss the change.
      if (old.textContent !== fresh.textContent) old.textContent = fresh.textContent;
    } else if (ids(old) && ids(old) === ids(fresh)) {
      for (const child of [...fresh.children]) put(child);
    } else if (!moveBar(old, fresh)) {
      if (old.open) fresh.open = true;
      old.replaceWith(fresh);
      addCopyButtons(fresh);
    }
  }

  // The ids of an element's children, where each has one.
  function ids(element) {
    const all = [...element.children].map((child) => child.id);
    return all.every(Boolean) ? all.join(" ") : "";
  }

  // A bar that only moves stays the same element, so that it moves smoothly.
  function moveBar(old, fresh) {
    const [bar, freshBar] = [old, fresh].map((element) => element.querySelector("progress[value]"));
    if (!bar || !freshBar || !old.matches(".step") || old.className !== fresh.className) return false;
    bar.max = freshBar.max;
    bar.value = freshBar.value;
    old.querySelector(".numbers").textContent = fresh.querySelector(".numbers").textContent;
    return true;
  }

  function addCopyButtons(root) {
    if (!navigator.clipboard) return;
    for (const box of root.querySelectorAll(".command")) {
      if (box.querySelector("button")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(box.querySelector("code").textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
      box.append(button);
    }
  }

  // A second click while the first is on its way is not sent; the server refuses it anyway.
  function sendOnce(event) {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
    addEventListener("pageshow", () => {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-busy");
    }, { once: true });
  }
})();
