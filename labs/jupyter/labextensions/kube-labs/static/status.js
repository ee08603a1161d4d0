/* The engines in the status bar. */

import { el, MARKS } from './dom.js';

/**
 * The item: a button that tells the engines' state and opens the course page.
 * @param {object} lab JupyterLab's packages
 * @param {object} course what is known
 * @param {Function} open opens the course page
 * @param {Function} hasKernel whether the notebook in front has a kernel
 */
export function makeStatusItem(lab, course, open, hasKernel) {
  const text = el('span');
  const button = el('button.kl-status', { type: 'button', onclick: open }, text);
  const item = new lab.widgets.Widget({ node: el('div', {}, button) });
  item.addClass('kl-status-item');
  item.draw = () => {
    const { state, brief, sentence, todo } = tell(course, hasKernel());
    text.textContent = `${MARKS[state]} Engines: ${brief}`;
    button.title = `${sentence} ${todo}\nClick to open the course page.`;
    button.dataset.state = state;
  };
  course.changed.connect(item.draw);
  item.draw();
  return item;
}

function tell(course, hasKernel) {
  const engine = course.engine || { state: 'starting', brief: '…', sentence: 'The engines are asked.', todo: '' };
  if (engine.state === 'absent' && hasKernel && course.seen) {
    const todo = '`labs up` in a terminal starts one; then run the notebook from the top.';
    return { ...engine, brief: "this kernel's course is gone", sentence: "This kernel's course is gone.", todo };
  }
  if (engine.state === 'ready' && hasKernel && course.setUpAnew) {
    const sentence = 'The course was set up again since this page was opened: what lessons had made is gone.';
    return { ...engine, brief: 'ready, set up again', sentence, todo: 'Run the notebook from the top.' };
  }
  return engine;
}
