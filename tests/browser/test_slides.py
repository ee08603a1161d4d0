"""Slides in a browser: nothing is cut off, nothing is asked of a server, and who speaks sees the notes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from labs.authoring.slides import deck
from labs.curriculum.lessons import lesson, lessons
from tests.browser.pages import complaints, shot, watch

SMALLEST = 0.76  # of 27 pixels, on a slide of 1280 by 720
MEASURE = """() => slides.map((slide, position) => {
  slide.style.display = "flex";
  const over = [".shown", "header"].flatMap((name) => {
    const box = slide.querySelector(name);
    return [box.scrollHeight - box.clientHeight, box.scrollWidth - box.clientWidth];
  });
  slide.style.display = "";
  return { number: position + 1, over: Math.max(...over), size: Number(slide.style.getPropertyValue("--size")) };
})"""


@pytest.fixture
def page(browser, tmp_path):
    """Opens a lesson's deck as a file, in a window of 1280 by 720, without a network."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)

    def opened(number: str) -> Page:
        path = tmp_path / f"{number}.html"
        path.write_text(deck(lesson(number)), encoding="utf-8")
        page = context.new_page()
        watch(page)
        page.goto(path.as_uri())
        return page

    yield opened
    context.close()


@pytest.mark.parametrize("number", [item.number for item in lessons()])
def test_nothing_is_cut_off_or_too_small(page, number):
    opened = page(number)
    found = opened.evaluate(MEASURE)
    assert [slide for slide in found if slide["over"] > 1 or slide["size"] < SMALLEST] == []
    shot(opened, f"slides-{number}")
    assert complaints(opened) == []


def test_keys_lead_through_and_the_address_remembers(page):
    opened = page("04")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Space")
    assert opened.url.endswith("#3")
    assert opened.locator(".slide:visible").count() == 1
    opened.keyboard.press("End")
    last = opened.locator(".slide").count()
    assert opened.locator("#where").inner_text() == f"{last} / {last}"
    opened.goto(opened.url.replace(f"#{last}", "#2"))
    assert opened.locator("#slide-2").is_visible()


def test_notes_have_a_window_of_their_own_that_leads_as_well(page):
    opened = page("04")
    with opened.context.expect_page() as info:
        opened.keyboard.press("s")
    speaker = info.value
    assert "open localhost:30040/version in a browser tab" in speaker.locator("#notes").inner_text()
    speaker.keyboard.press("ArrowRight")
    assert opened.url.endswith("#2")
    assert speaker.locator("#title").inner_text().startswith("2 /")


def test_print_gives_a_page_for_each_slide(page):
    opened = page("00")
    written = opened.pdf(prefer_css_page_size=True)
    assert written.count(b"/Type /Page\n") == opened.locator(".slide").count()
