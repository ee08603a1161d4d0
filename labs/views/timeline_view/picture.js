// A row for each step: when, on which lane (one for each component, from left to right as a wish travels), who did what.
const LANE = 17;
const DOTS = { ...MARKS, none: "●", good: "✔" };
const tone = (row) => (row.mark === "none" ? `kt-lane${row.tone}` : `kl-${row.mark}`);

function Lanes({ row, from, count }) {
  const x = (lane) => lane * LANE + LANE / 2;
  const left = Math.min(x(from), x(row.lane));
  return html`<div class="kt-lanes" style=${`width:${count * LANE}px`}>
    ${from === row.lane ? null : html`<span class="kt-hand" style=${`left:${left}px;width:${Math.abs(x(from) - x(row.lane))}px`}></span>`}
    <span class=${"kt-dot " + tone(row)} style=${`left:${row.lane * LANE}px`} aria-hidden="true">${DOTS[row.mark]}</span>
  </div>`;
}

function Step({ row, from, lanes, starts, open, toggle }) {
  const strip = `background-size:${lanes.length * LANE}px 100%`;
  const has = row.detail.length > 1 || row.detail.some((one) => one.text);
  const word = row.mark === "bad" ? "failure: " : row.mark === "wait" ? "for now: " : "";
  const did = html`${word ? html`<span class="kt-spoken">${word}</span>` : null}<span class=${row.mark === "bad" || row.mark === "wait" ? tone(row) : ""}>${row.did}</span>${row.again ? html` <span class="kl-faint">(${row.again})</span>` : null}`;
  return html`<tr class=${starts ? "kt-starts" : ""} data-mark=${row.mark}>
      <td class="kt-at">${starts ? row.at : html`<span class="kt-spoken">${row.at}</span>`}</td>
      <td class="kt-strip" style=${strip}><${Lanes} row=${row} from=${from} count=${lanes.length} /></td>
      <td class="kt-who"><span class=${`kt-lane${row.tone}`}>${row.who}</span></td>
      <td>${has ? html`<button type="button" class="kt-did" aria-expanded=${open} onClick=${toggle}><span aria-hidden="true" class="kl-faint">${open ? "▾ " : "▸ "}</span>${did}</button>` : html`<span class="kt-plain">${did}</span>`}</td>
      <td class="kt-about" title=${row.about}>${cutMiddle(row.about, 42)}</td>
    </tr>
    ${open ? html`<tr><td></td><td class="kt-strip" style=${strip}></td><td colspan="3" class="kt-said">
      ${row.detail.map((one) => html`<div key=${one.name}><strong>${one.name}</strong> <span class="kl-faint">at ${one.when}${one.again ? `, ${one.again} times so far` : ""}</span>${one.text ? html`<br />${one.text}` : null}${one.meaning ? html`<br /><span class="kl-faint">${one.meaning}</span>` : null}</div>`)}
    </td></tr>` : null}`;
}

function Picture({ picture }) {
  const [opened, setOpened] = useState({});
  const place = useRef(null);
  const atEnd = useRef(true), top = useRef(0);
  const { rows, lanes } = picture;
  useEffect(() => {
    if (place.current && atEnd.current) place.current.scrollTop = place.current.scrollHeight;
  }, [rows.length]);
  // New rows may come between our scrolling and the event that tells of it: only scrolling up leaves the end.
  const scrolled = ({ currentTarget: box }) => {
    if (box.scrollTop < top.current - 2) atEnd.current = false;
    if (box.scrollTop + box.clientHeight > box.scrollHeight - 30) atEnd.current = true;
    top.current = box.scrollTop;
  };
  const toggle = (id) => setOpened({ ...opened, [id]: !opened[id] });
  return html`<div>
    ${picture.note ? html`<p class="kl-notice" role="status">${picture.note}</p>` : null}
    ${rows.length ? html`<div class="kt-box" tabindex="0" role="region" aria-label="Steps" ref=${place} onScroll=${scrolled}><table class="kt">
      <thead><tr><th>time</th><th aria-label="lanes"></th><th>who</th><th>did what</th><th>to what</th></tr></thead>
      <tbody>${rows.map((row, i) => html`<${Step} key=${row.id} row=${row} from=${i ? rows[i - 1].lane : row.lane} lanes=${lanes} starts=${!i || rows[i - 1].second !== row.second} open=${!!opened[row.id]} toggle=${() => toggle(row.id)} />`)}</tbody>
    </table></div>
    <p class="kl-faint kt-foot">A vertical line is one component: ${lanes.join(", ")}.${rows.some((row) => row.mark === "gone") ? html` <span aria-hidden="true">${DOTS.gone}</span> is a step of its end.` : null} 0 s is ${picture.began}. Clusters note whole seconds: steps within one second stand in the order of cause and effect. ${picture.more ? `${picture.more} earlier steps are left out.` : ""}</p>` : null}
  </div>`;
}
