/* The course page: where the learner stands, what is next, and how the engines do. */

import { bar, el, MARKS, prose } from './dom.js';

/**
 * The page's content, a widget.
 * @param {object} lab JupyterLab's packages
 * @param {object} course what is known
 * @param {object} actions `openNotebook(file)` and `openTerminal()`
 */
export function makePage(lab, course, actions) {
  const engine = el('div.kl-engine', { role: 'status', 'aria-live': 'polite' });
  const rest = el('div');
  const said = el('p', { role: 'status', 'aria-live': 'polite' });
  const widget = new lab.widgets.Widget({
    node: el('div', { 'aria-label': 'Course' }, el('div.kl-inner', {},
      el('h1', {}, 'Containers and Kubernetes, on real engines'),
      el('p.kl-soft', {}, 'Every cell talks to a real Docker Engine and a real Kubernetes cluster, which came with the course.'),
      engine,
      rest,
      progressTools(course, said)
    ))
  });
  widget.addClass('kl-page');
  widget.node.tabIndex = -1;

  const draw = key => {
    if (key === 'engine') {
      engine.dataset.state = course.engine.state;
      engine.replaceChildren(...engineParts(course.engine, actions));
      return;
    }
    const focused = rest.contains(document.activeElement) && document.activeElement.dataset.key;
    rest.replaceChildren(...standingParts(course.standing, actions));
    if (focused) {
      const again = rest.querySelector(`[data-key="${focused}"]`);
      again && again.focus();
    }
  };
  const onChange = (_, key) => draw(key);
  course.changed.connect(onChange);
  widget.disposed.connect(() => course.changed.disconnect(onChange));
  engine.append('The engines are asked …');
  ['engine', 'standing'].filter(key => course[key]).forEach(draw);
  return widget;
}

function engineParts(state, actions) {
  const heading = { ready: 'Engines ready', starting: 'Engines starting', stopped: 'Engines stopped' }[state.state];
  const steps = (state.steps || []).map(step => el('li', {},
    el('span', {}, step.name),
    bar((step.percent || 0) / 100),
    el('span', {}, step.percent === null ? '' : `${step.percent} %`),
    el('span.kl-soft', {}, step.detail)
  ));
  const failed = (state.failed || []).map(part => el('li', {},
    el('strong', {}, `✗ ${part.name}: `), ...prose(part.detail)));
  const skipped = state.skipped || [];
  const title = [heading || (failed.length ? 'Engines' : 'Engines: something is wrong'),
    failed.length ? 'a part failed' : null].filter(Boolean).join(': ');
  const inTerminal = ['stopped', 'fault', 'absent'].includes(state.state) || failed.length > 0;
  const whose = state.kind ? el('span.kl-soft', {}, ` (course ${state.course}, engine ${state.kind})`) : null;
  return [
    el('p', {}, el('strong', {}, `${MARKS[state.state]} ${title}`), whose),
    state.why ? el('p.kl-soft', {}, ...prose(state.why)) : null,
    el('p', {}, ...prose(`${state.sentence} ${state.todo}`)),
    failed.length ? el('ul.kl-failed', {}, ...failed,
      skipped.length ? el('li.kl-soft', {}, `Not there because of that: ${skipped.join(', ')}.`) : null) : null,
    steps.length ? el('ul', {}, ...steps) : null,
    inTerminal ? el('div.kl-tools', {},
      el('button.kl-button', { type: 'button', onclick: actions.openTerminal }, 'Open a terminal')) : null
  ].filter(Boolean);
}

function standingParts(standing, actions) {
  const problem = standing.problem ? el('p', { role: 'alert' }, ...prose(`✗ ${standing.problem}`)) : null;
  if (!standing.lessons) {
    return [problem].filter(Boolean);
  }
  const next = standing.next;
  const title = next && standing.lessons.find(lesson => lesson.number === next.lesson).title;
  const begun = standing.solved > 0;
  return [
    problem,
    el('div.kl-tools', {},
      next ? el('button.kl-button.kl-main', {
        type: 'button', 'data-key': 'next', onclick: () => actions.openNotebook(next.notebook)
      }, `${begun ? 'Continue' : 'Begin'}: ${next.lesson} ${title}`) : null,
      el('span', {}, next ? `${standing.solved} of ${standing.count} exercises solved` :
        `✓ All ${standing.count} exercises are solved. Try the drill of lesson 08 again, faster.`)
    ),
    el('h2', { id: 'kl-lessons' }, 'Lessons'),
    lessonTable(standing, actions),
    el('div.kl-two', {},
      el('div', {}, el('h2', { id: 'kl-domains' }, 'CKAD exam, by domain'), shareTable('kl-domains', standing.domains, true)),
      el('div', {}, el('h2', { id: 'kl-topics' }, 'Founding topics'), shareTable('kl-topics', standing.topics, false))
    )
  ].filter(Boolean);
}

function lessonTable(standing, actions) {
  const rows = standing.lessons.map(lesson => {
    const isNext = standing.next && standing.next.lesson === lesson.number;
    const isDone = lesson.count > 0 && lesson.solved === lesson.count;
    return el(isNext ? 'tr.kl-next' : 'tr', {},
      el('td.kl-number', {}, lesson.number),
      el('td', {},
        el('button.kl-lesson', {
          type: 'button', 'data-key': lesson.number, onclick: () => actions.openNotebook(lesson.notebook)
        }, lesson.title),
        isNext ? el('span.kl-tag', {}, '▶ next') : null,
        isDone ? el('span.kl-tag', {}, '✓ solved') : null),
      el('td.kl-number', {}, lesson.minutes ? `${lesson.minutes} min` : ''),
      el('td.kl-count', { title: lesson.exercises.map(e => `${e.passed ? '✓' : '○'} ${e.id}: ${e.title}`).join('\n') },
        ...count(lesson)));
  });
  return el('table.kl-table', { 'aria-labelledby': 'kl-lessons' },
    el('thead', {}, el('tr', {},
      el('th.kl-number', { scope: 'col' }, 'No.'), el('th', { scope: 'col' }, 'Lesson'),
      el('th.kl-number', { scope: 'col' }, 'About'), el('th', { scope: 'col' }, 'Exercises solved'))),
    el('tbody', {}, ...rows));
}

function shareTable(heading, rows, weighed) {
  return el('table.kl-table', { 'aria-labelledby': heading },
    el('thead', {}, el('tr', {},
      el('th', { scope: 'col' }, weighed ? 'Domain' : 'Topic'),
      weighed ? el('th.kl-number', { scope: 'col' }, 'Weight') : null,
      el('th', { scope: 'col' }, 'Exercises solved'))),
    el('tbody', {}, ...rows.map(row => el('tr', {},
      el('td', {}, `${row.id} ${row.title}`),
      weighed ? el('td.kl-number', {}, `${row.weight} %`) : null,
      el('td.kl-count', {}, ...count(row))))));
}

function count(row) {
  return row.count ? [el('span.kl-text', {}, `${row.solved} of ${row.count}`), bar(row.solved / row.count)] : ['none yet'];
}

function progressTools(course, said) {
  const file = el('input.kl-hidden-input', {
    type: 'file', accept: '.json,application/json', tabindex: '-1', 'aria-hidden': 'true',
    onchange: async () => {
      const chosen = file.files[0];
      file.value = '';
      if (!chosen) {
        return;
      }
      try {
        const answer = await course.ask('progress', '', { method: 'POST', body: await chosen.text() });
        said.textContent = answer.new.length ? `✓ Added: ${answer.new.join(', ')}.` :
          '✓ No exercise in it was new: they are here already.';
        await course.refreshStanding();
      } catch (error) {
        said.replaceChildren(...prose(`✗ ${error.message}`));
      }
    }
  });
  const download = async () => {
    try {
      const content = JSON.stringify(await course.ask('progress'), null, 1) + '\n';
      const url = URL.createObjectURL(new Blob([content], { type: 'application/json' }));
      el('a', { href: url, download: 'progress.json' }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
      said.textContent = '✓ Saved as progress.json where your browser keeps downloads.';
    } catch (error) {
      said.replaceChildren(...prose(`✗ ${error.message}`));
    }
  };
  return el('section', { 'aria-labelledby': 'kl-progress' },
    el('h2', { id: 'kl-progress' }, 'Take your progress along'),
    el('p.kl-soft', {}, ...prose('It is one small file. Download it before you leave this machine (on Binder, before a ' +
      'break), and bring it back next time; nothing that you solved here is lost by that. In a terminal: ' +
      '`labs progress --merge FILE`.')),
    el('div.kl-tools', {},
      el('button.kl-button', { type: 'button', onclick: download }, 'Download progress'),
      el('button.kl-button', { type: 'button', onclick: () => file.click() }, 'Bring progress back …'), file),
    said);
}

