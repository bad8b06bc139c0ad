/* Two independent segment counters over a batch: a JSON array of texts in, one JSON array out. */
"use strict";

const { SegmentedMessage } = require("sms-segments-calculator");
const splitSms = require("split-sms");

// The calculator never cuts inside a grapheme. Where it differs from code points (apart from CR LF,
// which it takes apart again) its segment count is for other pieces than ours.
function hasClusters(message) {
  return message.graphemes.length !== message.numberOfUnicodeScalars;
}

function count(text) {
  const message = new SegmentedMessage(text);
  const pieces = splitSms.split(text);
  const gsm7 = message.encodingName === "GSM-7";
  return {
    calculator: {
      encoding: gsm7 ? "gsm7" : "ucs2",
      units: message.messageSize / (gsm7 ? 7 : 16),
      segments: message.segmentsCount,
      clusters: hasClusters(message),
    },
    splitter: {
      encoding: pieces.characterSet === splitSms.GSM ? "gsm7" : "ucs2",
      // Its bytes are septets for GSM-7 and octets for UCS-2.
      units: pieces.bytes / (pieces.characterSet === splitSms.GSM ? 1 : 2),
      segments: pieces.parts.map((part) => part.content),
    },
  };
}

const texts = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(texts.map(count)));
