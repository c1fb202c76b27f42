import { describe, expect, test } from "@jest/globals";
import { clickUrls, plainLine, vastClickUrls, vastSize, vastText, visibleText } from "./creative-content.ts";

const snippet = `<!-- Hidden --><style>.a{color:red}</style><SCRIPT>var price = "<b>99</b>";</SCRIPT>
  <a HREF="%%CLICK_URL_ESC%%https%3A%2F%2Ffoo.example%2F&amp;x=1" onclick="window.open('https://bar.example/')">
  <img src="x.jpg" alt="Drop Frenzy &amp; friends"><h2>Drop&nbsp;Frenzy &#x2014; 2,000 levels</h2><p>Free&#33;</p></a>`;

test("of a snippet people see its words and its pictures' texts, not its scripts, styles and comments", () => {
  expect(visibleText(snippet)).toBe("Drop Frenzy — 2,000 levels Free! Drop Frenzy & friends");
});

test("clicks of a snippet lead where its links and its click tags say, macros and all", () => {
  expect(clickUrls(snippet)).toEqual(["%%CLICK_URL_ESC%%https%3A%2F%2Ffoo.example%2F&x=1", "https://bar.example/"]);
  expect(clickUrls(`<script>var clickTag = "https://foo.example/";</script>`)).toEqual(["https://foo.example/"]);
  expect(clickUrls("<p>no link</p>")).toEqual([]);
});

const vast = `<VAST version="3.0"><Ad><InLine><AdTitle><![CDATA[Empire Siege]]></AdTitle><Description>Build a city</Description>
  <ClickThrough id="a"><![CDATA[%%CLICK_URL_UNESC%%https://empiresiege.example/?a=1&b=2]]></ClickThrough>
  <MediaFile type="video/mp4" width="640" height="360"><![CDATA[https://cdn.example/a.mp4]]></MediaFile>
  <MediaFile type="video/mp4" height='1080' width='1920' /><MediaFile width="0" height="0"/></InLine></Ad></VAST>`;

test("a video's title, address and size are those of its VAST, the size of its largest file", () => {
  expect(vastText(vast)).toBe("Empire Siege Build a city");
  expect(vastClickUrls(vast)).toEqual(["%%CLICK_URL_UNESC%%https://empiresiege.example/?a=1&b=2"]);
  expect(vastSize(vast)).toEqual({ width: 1920, height: 1080 });
  expect(vastSize("<VAST/>")).toBeNull();
});

test("what steers a terminal or turns the reading direction is no text", () => {
  expect(plainLine("a\u0007\u202Eb\n\tc\u200B")).toBe("a b c");
});

describe("a snippet of half a megabyte of the same is read in no time:", () => {
  test.each([
    "<",
    "<!--",
    "<a href='",
    '<a href="',
    "<script",
    "&#",
    '<img alt="',
    "<mediafile ",
    "<adtitle>",
    "%%A",
    "İ",
  ])("%s", (part) => {
    const text = part.repeat(Math.ceil(500_000 / part.length));
    const began = performance.now();
    for (const read of [visibleText, clickUrls, vastText, vastClickUrls, vastSize]) read(text);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
