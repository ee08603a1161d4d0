// What all views share: a frame with a title, whether it is live, the text form, and helpers for pictures.
// A view's own file follows this one in the same module and defines `Picture({ picture, wide })`.
const { html, render, useState, useEffect, useRef } = htmPreact;

// Shape and word as well as colour, for colour-blind eyes.
const MARKS = { good: "●", wait: "◐", bad: "✖", gone: "◌", done: "✔", none: "–" };
const Mark = ({ kind }) => html`<span class=${"kl-mark kl-" + kind} aria-hidden="true">${MARKS[kind] || "·"}</span>`;

const cut = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);

// A name that is too long keeps its end: the end tells pods apart.
const cutMiddle = (text, length) => {
  if (text.length <= length) return text;
  const end = Math.min(12, Math.floor(length / 2));
  return text.slice(0, length - end - 1) + "…" + text.slice(-end);
};

// What a mouse click does, Enter and the space bar do as well.
const pressable = (label, action) => ({
  role: "button",
  tabindex: 0,
  "aria-label": label,
  onClick: action,
  onKeyDown: (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    action(event);
  },
});

const many = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

function Frame({ model, gone, Picture }) {
  const [asText, setAsText] = useState(false);
  const [, redraw] = useState(0);
  useEffect(() => {
    const again = () => redraw((n) => n + 1);
    const names = ["change:picture", "change:text", "change:notice", "change:live"];
    names.forEach((name) => model.on(name, again));
    return () => names.forEach((name) => model.off(name, again));
  }, [model]);
  const picture = model.get("picture");
  const notice = gone ? "The notebook's kernel no longer has this view: this is its last picture. Run the cell again to see what is now." : model.get("notice");
  const isLive = !gone && !notice && model.get("live");
  const isOld = gone || !model.get("live");
  // what has ended is still watched: another one of its name may come
  const state = isOld ? ["none", "ended"] : !isLive ? ["wait", "not live"] : picture.over ? ["none", "watching"] : ["good", "live"];
  return html`<section class=${isOld ? "kl kl-old" : "kl"} aria-label=${model.get("title")}>
    <header>
      <strong>${model.get("title")}</strong>
      <span class="kl-state">${picture.given ? "as given" : html`<${Mark} kind=${state[0]} /> ${state[1]}`}</span>
      <span class="kl-summary" aria-live="polite">${picture.summary || ""}</span>
      <button type="button" aria-pressed=${asText} title=${asText ? "Show the picture" : "Show the same as text"} onClick=${() => setAsText(!asText)}>${asText ? "picture" : "text"}</button>
    </header>
    ${notice ? html`<p class="kl-notice" role="status">${notice}</p>` : null}
    ${asText ? html`<pre>${model.get("text")}</pre>` : Object.keys(picture).length ? html`<${Picture} picture=${picture} />` : null}
  </section>`;
}

let views = 0;

function renderer(Picture) {
  return async ({ model, el }) => {
    const place = `${Date.now()}-${++views}`;
    let gone = false;
    const draw = () => render(html`<${Frame} model=${model} gone=${gone} Picture=${Picture} />`, el);
    draw();
    const say = (word) => gone || model.send({ [word]: place });
    // A page that is closed or reloaded takes no view away first, but still gets this word out.
    const leave = () => say("hidden"), comeBack = () => say("shown");
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", comeBack);
    say("shown");
    // After a restart of the kernel, and in a notebook that was opened again, nobody is at the other end.
    const own = await model.widget_manager.get_model(model.get("name")).catch(() => null);
    const look = () => {
      gone = own !== null && !own.comm_live;
      draw();
    };
    if (own) {
      look();
      own.on("comm_live_update", look);
    }
    return () => {
      if (own) own.off("comm_live_update", look);
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", comeBack);
      say("hidden");
      render(null, el);
    };
  };
}
