"use strict";
// What pages do beyond links and forms. Each of them works without this.
(() => {
  const root = document.body.dataset.root || "/dashboard";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const known = document.cookie.split("; ").find((each) => each.startsWith("sendrail_zone="));
  if (known !== `sendrail_zone=${encodeURIComponent(zone)}`) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `sendrail_zone=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  // Copy: a button whose data-copy names the element to copy.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent);
    const before = button.getAttribute("aria-label");
    button.setAttribute("aria-label", "Copied");
    button.classList.add("ok");
    setTimeout(() => {
      button.classList.remove("ok");
      if (before) button.setAttribute("aria-label", before);
    }, 1500);
  });

  // Puts what is answered in the place of a part; says what came of it.
  const replace = async (part, url, { headers, ...options } = {}) => {
    const answer = await fetch(url, { headers: { "x-part": part.id, ...headers }, ...options });
    const after = Number(answer.headers.get("x-ask-after")) * 1000;
    if (answer.status === 304) return { isNew: false, after };
    if (answer.redirected) return { isNew: false, lost: "You are signed out" };
    if (!answer.ok) return { isNew: false, lost: "The server is in trouble" };
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById(part.id);
    const holdsFocus = part.contains(document.activeElement) && document.activeElement !== document.body;
    const isRead = part.querySelector("details[open]") !== null;
    if (!found || holdsFocus || isRead) return { isNew: true, after };
    part.replaceChildren(...found.childNodes);
    return { isNew: true, after, mark: answer.headers.get("etag") };
  };

  // What was live and is no more says so: figures of an hour ago must not look like those of now.
  const shown = document.querySelector(".status.live");
  const live = shown && { words: shown.textContent, look: shown.className };
  const tell = (lost) => {
    if (!shown || shown.dataset.lost === (lost ?? "")) return;
    shown.dataset.lost = lost ?? "";
    const at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    shown.textContent = lost ? `${lost}: not live since ${at}` : live.words;
    shown.className = lost ? "status warn" : live.look;
  };

  // Live parts: asked for again every few seconds while the page is seen. What stays as it is, is
  // asked for less often, until it changes or the reader does something. The server says for how
  // long its answer stays the same; some more, by chance, keeps tabs from asking all at once.
  const CALM = 4;
  const SPREAD = 2000;
  for (const part of document.querySelectorAll("[data-live]")) {
    const least = Number(part.dataset.live) * 1000;
    let wait = least;
    let timer = 0;
    let isAsking = false;
    let mark = "";
    const later = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible" && !isAsking) timer = setTimeout(ask, wait);
    };
    const ask = async () => {
      isAsking = true;
      const headers = mark ? { "if-none-match": mark } : {};
      const got = await replace(part, location.href, { headers }).catch(() => ({ isNew: false, lost: "No answer" }));
      isAsking = false;
      if (part.id === "live") tell(got.lost);
      mark = got.mark ?? mark;
      wait = got.isNew ? least : Math.min(wait * 1.5, least * CALM);
      if (got.after > wait) wait = got.after + Math.random() * SPREAD;
      later();
    };
    const wake = () => {
      if (wait === least) return;
      wait = least;
      later();
    };
    document.addEventListener("visibilitychange", () => {
      wait = least;
      if (document.visibilityState === "visible" && !isAsking) {
        clearTimeout(timer);
        ask();
      } else later();
    });
    for (const each of ["pointerdown", "pointermove", "keydown"]) {
      document.addEventListener(each, wake, { passive: true });
    }
    later();
  }

  // A text that is measured as it is typed.
  for (const text of document.querySelectorAll("[data-measure]")) {
    const part = document.getElementById(text.dataset.measure);
    let waiting = 0;
    text.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const body = new URLSearchParams(new FormData(text.form));
        replace(part, `${root}/send/measure`, { method: "POST", body }).catch(() => {});
      }, 150);
    });
  }

  // A form that is answered as it is filled: by the address of data-asks, in the part of data-part.
  for (const form of document.querySelectorAll("form[data-asks]")) {
    const part = document.getElementById(form.dataset.part);
    let waiting = 0;
    let asked;
    const ask = () => {
      asked?.abort();
      asked = new AbortController();
      const body = new URLSearchParams(new FormData(form));
      replace(part, form.dataset.asks, { method: "POST", body, signal: asked.signal }).catch(() => {});
    };
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(ask, 300);
    });
  }

  // Sent at once when it changes.
  for (const field of document.querySelectorAll("[data-send]")) {
    field.addEventListener("change", () => field.form.requestSubmit());
  }

  // Keys, while no field has the focus.
  const places = {
    o: "/", m: "/messages", i: "/inbox", c: "/campaigns", j: "/journeys", p: "/contacts", l: "/lists",
  };
  let going = 0;
  const rows = () => [...document.querySelectorAll("main tbody th[scope=row]>a, main .people a")];
  const move = (by) => {
    const all = rows();
    const at = all.indexOf(document.activeElement);
    const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))];
    if (next) next.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (document.body.dataset.keys === "off" || document.querySelector("dialog[open], :popover-open")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const key = event.key.toLowerCase();
    if (Date.now() - going < 1200 && places[key]) {
      going = 0;
      location.href = root + places[key];
      return;
    }
    if (key === "/") {
      const field = document.querySelector("main input[type=search]");
      event.preventDefault();
      if (field) field.focus();
      else location.href = `${root}/messages?focus=q`;
    } else if (key === "?") document.getElementById("keys")?.showModal();
    else if (key === "g") going = Date.now();
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "c") document.querySelector("main [data-copy]:not([hidden])")?.click();
    else if (key === "escape") document.querySelector("main [role=alert] a.btn, main a.back")?.click();
    else if (key === "n") location.href = `${root}/send`;
  });
  if (new URLSearchParams(location.search).get("focus") === "q") {
    document.querySelector("main input[type=search]")?.focus();
  }
})();
