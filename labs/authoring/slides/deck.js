// Shows one slide at a time, as large as fits, and opens the speaker's notes in a window of their own.
const slides = [...document.querySelectorAll(".slide")];
const [LARGEST, SMALLEST] = [1.24, 0.5];
const began = Date.now();
let now = 0;
let speaker = null;

function fit(slide) {
  const shown = slide.querySelector(".shown");
  const codes = [...slide.querySelectorAll("pre")];
  const over = (box) => box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;
  const wraps = () => {
    for (const code of codes) code.style.whiteSpace = "pre";
    const wide = codes.some((code) => code.scrollWidth > code.clientWidth + 1);
    for (const code of codes) code.style.whiteSpace = "";
    return wide;
  };
  for (let size = LARGEST; size >= SMALLEST; size -= 0.04) {
    slide.style.setProperty("--size", size.toFixed(2));
    if (!over(shown) && (size <= 1 || !wraps())) return;
  }
}

function scale() {
  const factor = Math.min(innerWidth / 1280, innerHeight / 720);
  const [x, y] = [(innerWidth - 1280 * factor) / 2, (innerHeight - 720 * factor) / 2];
  for (const slide of slides) slide.style.transform = `translate(${x}px, ${y}px) scale(${factor})`;
}

function show(wanted) {
  slides[now].classList.remove("now");
  now = Math.max(0, Math.min(slides.length - 1, wanted));
  slides[now].classList.add("now");
  document.getElementById("where").textContent = `${now + 1} / ${slides.length}`;
  history.replaceState(null, "", `#${now + 1}`);
  tell();
}

function heading(slide) {
  return slide ? slide.querySelector("h2").textContent : "the end";
}

function tell() {
  if (!speaker || speaker.closed) return;
  const page = speaker.document;
  page.getElementById("title").textContent = `${now + 1} / ${slides.length}  ${heading(slides[now])}`;
  page.getElementById("notes").innerHTML = slides[now].querySelector(".notes").innerHTML;
  page.getElementById("next").textContent = `Next: ${heading(slides[now + 1])}`;
}

function openSpeaker() {
  speaker = window.open("", "speaker", "width=900,height=700");
  if (!speaker) return;
  speaker.document.body.innerHTML =
    '<h1 id="title"></h1><p><b id="clock"></b> <span id="next"></span></p><div id="notes"></div>';
  speaker.document.title = "Notes";
  speaker.document.body.style.cssText = "font: 19px/1.45 sans-serif; margin: 1em 1.5em; max-width: 60em";
  speaker.document.onkeydown = key;
  tell();
}

function clock() {
  if (!speaker || speaker.closed) return;
  const seconds = Math.floor((Date.now() - began) / 1000);
  const two = (number) => String(number).padStart(2, "0");
  speaker.document.getElementById("clock").textContent =
    `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const steps = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
  if (event.key in steps && event.target.tagName !== "BUTTON") show(now + steps[event.key]);
  else if (event.key === "Home") show(0);
  else if (event.key === "End") show(slides.length - 1);
  else if (event.key === "s" || event.key === "S") openSpeaker();
  else if (event.key === "f" || event.key === "F") document.documentElement.requestFullscreen();
  else return;
  event.preventDefault();
}

slides.forEach(fit); // while all are laid out
document.body.classList.add("player");
document.getElementById("back").onclick = () => show(now - 1);
document.getElementById("on").onclick = () => show(now + 1);
document.getElementById("speaker").onclick = openSpeaker;
document.onkeydown = key;
addEventListener("resize", scale);
addEventListener("hashchange", () => show(Number(location.hash.slice(1)) - 1 || 0));
setInterval(clock, 1000);
scale();
show(Number(location.hash.slice(1)) - 1 || 0);
