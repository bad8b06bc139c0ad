/* Asks CM.com's own SDK what a request looks like: calls as JSON on stdin, results on stdout. */
"use strict";

const http = require("node:http");
const { CMTypes, Message } = require("@cmdotcom/text-sdk/dist/lib/MessageApiClient.js");

function record(call) {
  return new Promise((resolve, reject) => {
    const server = http.createServer((request, response) => {
      let body = "";
      request.on("data", (piece) => (body += piece));
      request.on("end", () => {
        response.setHeader("connection", "close");
        response.end("{}");
        server.close();
        const { method, url: target, headers } = request;
        resolve({ method, target, headers, body });
      });
    });
    server.listen(0, "127.0.0.1", () => {
      call(`http://127.0.0.1:${server.address().port}`).catch(reject);
    });
  });
}

/* Sends messages, `{to, from, content, reference, channels, partsMin, partsMax}` each, in one go. */
function send({ token, messages }) {
  return record((url) => {
    const envelope = new Message(token);
    envelope.api.basePath = url;
    const built = messages.map((each) => {
      envelope.setMessage([each.to], each.from, each.content, each.reference);
      envelope.setAllowedChannels(each.channels);
      const [message] = envelope.messages.msg;
      message.minimumNumberOfMessageParts = each.partsMin;
      message.maximumNumberOfMessageParts = each.partsMax;
      return message;
    });
    envelope.messages.msg = built;
    return envelope.send();
  });
}

function basePath() {
  return new CMTypes.MessagesApi().basePath;
}

async function main() {
  const calls = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const operations = { send, basePath };
  const results = [];
  for (const [name, given] of calls) results.push(await operations[name](given));
  process.stdout.write(JSON.stringify(results));
}

main();
