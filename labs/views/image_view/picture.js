// Images side by side, each a stack of layers from the bottom up; a bar tells a layer's size, to one scale for all.
const VERDICTS = { cached: ["good", "↺"], ran: ["wait", "▶"], failed: ["bad", "✖"] };

function Verdict({ of }) {
  const [mark, sign] = VERDICTS[of.verdict] || ["none", "·"];
  return html`<span class=${"kl-im-chip kl-" + mark}>${sign} ${of.word}</span>`;
}

function Row({ row, image, widest, picked, pick }) {
  const others = row.shared.filter((name) => name !== image.name);
  const label = `${row.line}: ${row.digest ? row.size_text : "no layer"}${row.word ? ", " + row.word : ""}${others.length ? ", shared with " + others.join(", ") : ""}`;
  return html`<li class=${(row.digest ? "kl-im-layer" : "kl-im-thin") + (others.length ? " kl-im-shared" : "") + (picked ? " kl-im-picked" : "")} title=${label} ...${pressable(label, pick)}>
    ${row.images.length ? html`<span class="kl-im-base">▼ from here down: ${row.images.join(", ")}</span>` : null}
    <span class="kl-im-line">${row.step ? html`<span class="kl-faint">step ${row.step} </span>` : null}${row.line}</span>
    ${row.digest ? html`<span class="kl-im-size">${row.size_text}</span>` : null}
    ${row.size ? html`<span class="kl-im-bar" style=${`width:max(3px,${widest ? (row.size / widest) * 100 : 0}%)`}></span>` : null}
    ${row.verdict || others.length ? html`<span class="kl-im-chips">${row.verdict ? html`<${Verdict} of=${row} />` : null}
      ${others.length ? html`<span class="kl-im-chip kl-im-a">═ shared</span>` : null}</span>` : null}
  </li>`;
}

function Stack({ image, widest, picked, pick }) {
  return html`<div class="kl-im-stack" role="group" aria-label=${image.name}>
    ${image.gone ? html`<p class="kl-bad">${MARKS.gone} ${image.word}</p>` : null}
    <ol>${image.rows.map((row, i) => html`<${Row} key=${i} row=${row} image=${image} widest=${widest} picked=${picked === image.name + i} pick=${() => pick(picked === image.name + i ? "" : image.name + i)} />`)}</ol>
    <p class="kl-im-foot"><strong>${image.name}</strong>${image.stage ? ` (stage ${image.stage})` : ""}<br />
      ${image.gone ? "" : image.word}${image.why ? html`<br /><span class="kl-wait">${MARKS.wait} ${image.why}</span>` : null}</p>
  </div>`;
}

function Picture({ picture }) {
  const [picked, pick] = useState("");
  const row = picture.images.flatMap((image) => image.rows.map((row, i) => [image.name + i, row])).filter(([key]) => key === picked).map(([, row]) => row)[0];
  const about = row ? [["line", row.line], ["size", row.digest ? row.size_text : "none: it only sets what the image's JSON says"], ["layer", row.digest], ["image so far", row.id], ["build", row.step ? `step ${row.step}, ${row.word}` : ""], ["shared by", row.shared.join(", ")]] : [];
  return html`<div>
    ${picture.build.length ? html`<p class="kl-im-notes"><strong>Build:</strong> ${picture.build.join(" ")}</p>` : null}
    ${picture.notes.length ? html`<ul class="kl-im-notes">${picture.notes.map((note) => html`<li key=${note}>${note}</li>`)}</ul>` : null}
    <p class="kl-im-notes kl-faint">Built from the bottom up: each box is a layer of files; a thin line only sets something, and is no layer.${picture.images.some((image) => image.rows.some((row) => row.shared.length)) ? " Striped and ═: several images share it." : ""}</p>
    <div class="kl-im-stacks">${picture.images.map((image) => html`<${Stack} key=${image.name} image=${image} widest=${picture.widest} picked=${picked} pick=${pick} />`)}</div>
    ${picture.elsewhere.length ? html`<div><p class="kl-faint">Steps of the build that are no layer of this image:</p>
      <table>${picture.elsewhere.map((step) => html`<tr key=${step.number}><td>${step.number}</td><td><${Verdict} of=${step} /></td><td>${step.line}</td></tr>`)}</table></div>` : null}
    ${row ? html`<div class="kl-detail" role="region" aria-label="About this layer"><p><strong>${row.digest ? "ImageLayer" : "No layer"}</strong> <button type="button" onClick=${() => pick("")}>close</button></p>
      <table>${about.filter(([, value]) => value).map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td>${value}</td></tr>`)}</table></div>` : null}
  </div>`;
}
