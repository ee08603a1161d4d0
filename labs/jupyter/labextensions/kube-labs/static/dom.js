/* Small pieces of a page. */

/**
 * An element.
 * @param {string} tag its name, with classes: `div.kl-card`
 * @param {object} attributes what begins with `on` is a listener; null, undefined and false leave one out
 * @param {...(Node|string|null)} children null leaves one out
 */
export function el(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  node.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (key.startsWith('on')) {
      node.addEventListener(key.slice(2), value);
    } else {
      node.setAttribute(key, value === true ? '' : value);
    }
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined));
  return node;
}

/** A bar; the text beside it says the same, so that it is hidden from screen readers. `share` from 0 to 1. */
export function bar(share) {
  const fill = el('span.kl-bar-fill');
  fill.style.width = `${Math.round(100 * share)}%`;
  return el('span.kl-bar', { 'aria-hidden': 'true' }, fill);
}

/** A sentence with `code` in it. */
export function prose(text) {
  return text.split(/(`[^`]*`)/).filter(Boolean).map(part =>
    part.startsWith('`') ? el('code', {}, part.slice(1, -1)) : part
  );
}

/** A state's mark: told apart by its shape, not by its colour alone. */
export const MARKS = { ready: '●', starting: '◔', stopped: '○', fault: '✗', absent: '○', unreachable: '?' };
