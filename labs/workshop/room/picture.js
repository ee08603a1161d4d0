// A room: learners by exercises. A cell says solved, not yet (and how often it was checked), or at it now.
const WORDS = { done: "solved", bad: "not yet", wait: "at it, not checked yet", none: "not begun" };

const clock = (iso) => {
  const moment = new Date(iso);
  return Number.isNaN(moment.getTime()) ? "" : moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
};

function Cell({ row, cell, exercise, picked, pick }) {
  const said = `${row.name}, ${exercise.id}: ${WORDS[cell.mark]}${cell.tries ? `, checked ${many(cell.tries, "time")}` : ""}`;
  return html`<td class=${`km-cell${picked ? " km-picked" : ""}${row.at === exercise.id ? " km-here" : ""}`} title=${said} ...${pressable(said, pick)}>
    <${Mark} kind=${cell.mark} />${cell.tries > 1 || cell.mark === "bad" ? html`<small>${cell.tries}</small>` : null}
  </td>`;
}

function Detail({ row, exercise, cell }) {
  return html`<div class="kl-detail" role="status">
    <p><strong>${row.name}</strong>, ${exercise.id}: ${exercise.title}</p>
    <p><${Mark} kind=${cell.mark} /> ${WORDS[cell.mark]}${cell.tries ? `, checked ${many(cell.tries, "time")}, last at ${clock(cell.last)}` : ""}</p>
    ${cell.mark === "bad" ? html`<p>expected ${cell.expected}</p><p>observed ${cell.observed}</p>` : null}
    ${row.at ? html`<p class="kl-faint">${row.minutes} min at ${row.at}. Their objects: <code>views.cluster(room.glance("${row.id}", "${exercise.id.slice(3, 5)}"))</code></p>` : null}
  </div>`;
}

function Picture({ picture }) {
  const [picked, pick] = useState(null);
  const [first, setFirst] = useState("seat");
  const rows = [...picture.learners];
  if (first === "stuck") rows.sort((a, b) => b.stuck - a.stuck || b.minutes - a.minutes);
  const at = picked && rows.find((row) => row.id === picked.id);
  const column = picked ? picture.exercises.findIndex((exercise) => exercise.id === picked.exercise) : -1;
  return html`<div>
    <p class="km-tools"><button type="button" aria-pressed=${first === "stuck"} onClick=${() => setFirst(first === "stuck" ? "seat" : "stuck")}>show those who may be stuck first</button></p>
    <div class="km-box"><table class="km"><thead><tr><th scope="col">learner</th>
      ${picture.exercises.map((exercise) => html`<th key=${exercise.id} scope="col" title=${exercise.title}>${exercise.id.slice(3)}<br /><small class="kl-faint">${exercise.solved} of ${rows.length}</small></th>`)}
      <th scope="col">time at the framed one</th></tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.id} class=${row.stuck ? "km-stuck" : ""}>
        <th scope="row" title=${row.id}>${cut(row.name, 28)}</th>
        ${row.cells.map((cell, i) => html`<${Cell} key=${i} row=${row} cell=${cell} exercise=${picture.exercises[i]} picked=${at === row && column === i} pick=${() => pick({ id: row.id, exercise: picture.exercises[i].id })} />`)}
        <td class="km-at">${row.at ? `${row.minutes} min` : ""}${row.stuck ? html` <span class="kl-bad">▲ may be stuck</span>` : null}</td>
      </tr>`)}</tbody></table></div>
    ${at && column >= 0 ? html`<${Detail} row=${at} exercise=${picture.exercises[column]} cell=${at.cells[column]} />` : null}
    ${picture.wrong.length ? html`<table class="km-wrong"><caption class="kl-faint">Not yet right, most frequent first</caption><tbody>
      ${picture.wrong.map((item) => html`<tr key=${item.exercise + item.observed}><td>${item.count} ×</td><td>${item.exercise}</td><td>expected ${item.expected}; <strong>observed ${item.observed}</strong></td></tr>`)}
    </tbody></table>` : null}
    <p class="kl-faint km-legend"><${Mark} kind="done" /> solved, <${Mark} kind="bad" /> not yet; a number: how often it was checked. <${Mark} kind="wait" /> not checked yet, <${Mark} kind="none" /> not begun; a frame is where somebody is now; below an exercise, how many have solved it. <span class="kl-bad">▲ may be stuck</span>: not solved after 3 checks and 8 minutes, or after 25 minutes.</p>
  </div>`;
}
