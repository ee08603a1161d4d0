// One container: its state in words, use of limits as bars, and two columns for what the machine and the container see.
function Bar({ bar }) {
  const has = bar.share !== null;
  return html`<tr><th scope="row">${bar.name}</th>
    <td class="kl-co-barcell">${has ? html`<span class="kl-co-track" role="img" aria-label=${`${Math.round(bar.share * 100)} % of the limit`}>
      <span class=${"kl-co-fill kl-co-" + bar.mark} style=${`width:max(2px,${bar.share * 100}%)`}></span>
      ${bar.peak > bar.share ? html`<span class="kl-co-peak" style=${`left:calc(${bar.peak * 100}% - 2px)`} title="the most seen so far"></span>` : null}
    </span>` : html`<span class="kl-co-track kl-co-free"></span>`}</td>
    <td>${bar.mark === "bad" ? html`<span class="kl-bad">${MARKS.bad} </span>` : null}${bar.value} <span class="kl-faint">${has ? `of its limit, ${bar.limit} (${Math.round(bar.share * 100)} %)` : `(${bar.limit})`}</span></td>
    <td>${bar.trace.length > 1 ? html`<${Trace} bar=${bar} />` : null}</td></tr>`;
}

// How it was in the last minute, or since it began; the upper edge is the limit, or the most in it where there is none.
function Trace({ bar }) {
  const wide = 110, high = 15, top = bar.trace_top || 1, span = Math.max(10, bar.trace[0][0]);
  const points = bar.trace.map(([ago, value]) => `${Math.round((1 - ago / span) * wide * 10) / 10},${Math.round((1 - Math.min(1, value / top)) * (high - 1) * 10) / 10 + 0.5}`);
  return html`<svg class="kl-co-trace" width=${wide} height=${high} role="img" aria-label=${`${bar.name} in the last ${Math.round(span)} s`}><title>the last ${Math.round(span)} s</title><polyline points=${points.join(" ")} /></svg>`;
}

function List({ title, rows, none }) {
  return html`<div class="kl-co-part"><h4>${title}</h4>${rows.length ? html`<ul>${rows.map((row) => html`<li key=${row}>${row}</li>`)}</ul>` : html`<p class="kl-faint">${none}</p>`}</div>`;
}

function Picture({ picture }) {
  // the word is in the frame's headline already
  const state = picture.why ? html`<p class="kl-co-state"><span class=${"kl-" + picture.mark}>${MARKS[picture.mark]}</span> ${picture.why}</p>` : null;
  if (!picture.here) return html`<div>${state}<p class="kl-faint">This view waits for a container of that name.</p></div>`;
  const numbers = picture.namespaces.some((row) => row.own);
  return html`<div>
    ${state}
    ${picture.health ? html`<p class="kl-co-state"><strong>health</strong> ${picture.health}</p>` : null}
    ${picture.problem ? html`<p class="kl-notice">No new samples: ${picture.problem}.</p>` : null}
    <p class="kl-faint kl-co-state">image ${picture.image} · id ${picture.id} · restart policy ${picture.policy} · command <code class=${picture.command.includes("\n") ? "kl-co-lines" : ""}>${picture.command}</code></p>
    <div class="kl-co-part"><h4>Control groups: what it ${picture.running ? "may" : "was allowed to"} use</h4>
      ${picture.measured ? html`<p class="kl-faint">${picture.measured}</p>` : null}
      <table class="kl-co-bars"><tbody>${picture.bars.map((bar) => html`<${Bar} key=${bar.name} bar=${bar} />`)}</tbody></table></div>
    <div class="kl-co-sides">
      <div class="kl-co-part kl-co-narrow"><h4>Linux namespaces: what it ${picture.running ? "sees" : "saw"}</h4>
        <table class="kl-co-spaces"><thead><tr><th scope="col">kind</th>${numbers ? html`<th scope="col">container</th><th scope="col">machine</th>` : null}<th scope="col">whose</th><th scope="col"></th></tr></thead>
        <tbody>${picture.namespaces.map((row) => html`<tr key=${row.kind}><th scope="row">${row.kind}</th>
          ${numbers ? html`<td class=${row.is_own ? "kl-co-own" : ""}>${row.own}</td><td>${row.host}</td>` : null}
          <td class=${row.is_own ? "kl-co-own" : "kl-faint"}>${row.is_own ? "◆" : "="} ${row.whose.replace(" with the machine", "")}</td><td class="kl-faint">${row.meaning}</td></tr>`)}</tbody></table>
        ${numbers ? html`<p class="kl-faint kl-co-wraps">Each number names a namespace. The same number on both sides: shared. (Namespaces of Kubernetes are another thing.)</p>` : null}
        ${picture.unreadable ? html`<p class="kl-faint">${picture.unreadable}</p>` : null}</div>
      <div class="kl-co-part"><h4>Process numbers (PID), from both sides</h4>
        ${picture.processes.length ? html`<table><thead><tr><th scope="col">on the machine</th><th scope="col">inside</th><th scope="col">command</th></tr></thead>
          <tbody>${picture.processes.map((row) => html`<tr key=${row.pid} title=${"user " + row.user}><td>${row.pid}</td><td class="kl-co-own">${row.inner || "–"}</td><td title=${row.command}><code>${cut(row.command, 48)}</code></td></tr>`)}</tbody></table>
          ${picture.more ? html`<p class="kl-faint">and ${picture.more} more</p>` : null}` : html`<p class="kl-faint">${picture.running ? "Not listed yet." : "It has none: it is not running."}</p>`}
        ${picture.one_sided ? html`<p class="kl-faint">${picture.one_sided}</p>` : null}</div>
    </div>
    <div class="kl-co-sides">
      <${List} title="Networks" rows=${picture.networks} none="none" />
      <${List} title="Ports" rows=${picture.ports} none="none published or exposed" />
      <${List} title="Mounts" rows=${picture.mounts} none="none: files are in its own writable layer" />
    </div>
  </div>`;
}
