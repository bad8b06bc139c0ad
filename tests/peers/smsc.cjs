/* An SMSC made of node-smpp, with a control port that says how it is to behave.

   node smsc.cjs [KEY.pem CERT.pem]

   Both ports are of the loopback address and free ones; the first line on standard output is
   {"smpp": PORT, "control": PORT}. It ends with its standard input.

   POST /set      change the behaviour below; the answer is the state
   POST /clear    forget what was counted and logged
   POST /answer   answer what was held
   POST /mo       send a deliver_sm with these fields over every bind that receives
   POST /kill     cut every connection      POST /unbind   unbind every session
   POST /encode   {"command", "fields"} -> hexadecimal PDU, by node-smpp's codec
   POST /decode   {"pdu": hexadecimal} -> what node-smpp reads in it
   GET  /errors   node-smpp's names of statuses
   GET  /state    counters, binds and the log of submits */
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const smpp = require("smpp");

const BEHAVIOUR = {
  password: "secret",
  bindStatus: 0, // refuse binds with this
  bare: false, // leave the body of a refused bind out (node-smpp always does) or of every answer
  throttleEvery: 0, // every nth submit is answered 0x58
  dropEvery: 0, // every nth submit is never answered
  statusOf: {}, // destination -> one status for ever, or an array used up from its front
  respDelay: 0, // milliseconds
  hold: false, // answer when asked to by /answer
  mute: false, // hear everything, say nothing
  ids: "dec", // dec | hex (in the answer; the receipt has it decimal) | HEX0 | empty
  dlr: "both", // text | tlv | both | none
  dlrStat: "DELIVRD",
  dlrState: 2,
  dlrErr: "000",
  dlrFirst: false, // the receipt leaves before the answer
  dlrTimes: 1,
  dlrDelay: 0,
  congestion: null, // congestion_state in every answer
  log: true,
};
let behaviour = { ...BEHAVIOUR };
let seen;
let lastId = 1000;
let held = []; // answers that wait for /answer
let test = 0; // what one test left undelivered is nothing to the next
const sessions = new Set();

function clear() {
  seen = { submits: 0, answered: 0, highWater: 0, submitted: [], delivered: [], receipted: 0, enquired: 0, unbinds: 0 };
}
clear();

function hex(value) {
  return value === undefined ? null : Buffer.concat([].concat(value)).toString("hex");
}

function statusOf(destination) {
  const status = behaviour.statusOf[destination];
  if (!Array.isArray(status)) return status || 0;
  return status.length ? status.shift() : 0;
}

function names(id) {
  switch (behaviour.ids) {
    case "hex":
      return [id.toString(16), String(id)];
    case "HEX0":
      return [id.toString(16).toUpperCase().padStart(10, "0"), String(id)];
    case "empty":
      return ["", String(id)];
    default:
      return [String(id), String(id)];
  }
}

function receipt(pdu, name) {
  const text = `id:${name} sub:001 dlvrd:001 submit date:2601010000 done date:260101000000 stat:${behaviour.dlrStat} err:${behaviour.dlrErr} text:stat:NONE`;
  const fields = {
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    source_addr_ton: 1,
    source_addr_npi: 1,
    esm_class: 4,
    data_coding: 0,
    short_message: behaviour.dlr === "tlv" ? "" : text,
  };
  if (behaviour.dlr !== "text") {
    fields.receipted_message_id = name;
    fields.message_state = behaviour.dlrState;
  }
  return fields;
}

/* Offers again what was not taken, as an SMSC does. */
function deliver(fields, attempt = 1, of = test) {
  if (of !== test) return;
  const to = [...sessions].find((session) => session.receives);
  if (!to) {
    setTimeout(deliver, 50, fields, attempt + 1, of);
    return;
  }
  const again = () => setTimeout(deliver, 50, fields, attempt + 1, of);
  to.unanswered.add(again);
  to.deliver_sm({ ...fields }, (answer) => {
    to.unanswered.delete(again);
    if (behaviour.log) seen.delivered.push(answer.command_status);
    if (!answer.command_status) seen.receipted += 1;
    if (answer.command_status) again();
  });
}

function takeSubmit(session, pdu) {
  const number = ++seen.submits;
  session.open += 1;
  seen.highWater = Math.max(seen.highWater, session.open);
  const body = pdu.short_message || {};
  const payload = pdu.message_payload || {};
  if (behaviour.log)
    seen.submitted.push({
      session: session.number,
      sequence: pdu.sequence_number,
      source: [pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr],
      destination: [pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr],
      esm_class: pdu.esm_class,
      data_coding: pdu.data_coding,
      registered_delivery: pdu.registered_delivery,
      validity_period: pdu.validity_period || null,
      text: payload.message === undefined ? body.message : payload.message,
      udh: body.udh ? hex(body.udh) : null,
      payload: payload.message !== undefined,
      sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum],
    });
  if (behaviour.mute || (behaviour.dropEvery && number % behaviour.dropEvery === 0)) return;

  const throttled = behaviour.throttleEvery && number % behaviour.throttleEvery === 0;
  const status = throttled ? smpp.ESME_RTHROTTLED : statusOf(pdu.destination_addr);
  const [told, receipted] = names(++lastId);
  const receipts = !status && pdu.registered_delivery & 1 && behaviour.dlr !== "none" ? behaviour.dlrTimes : 0;
  const answer = () => {
    if (behaviour.mute) return;
    session.open -= 1;
    seen.answered += 1;
    const fields = status ? { command_status: status } : { message_id: told };
    if (!status && behaviour.congestion !== null) fields.congestion_state = behaviour.congestion;
    session.send(pdu.response(fields));
  };
  const of = test;
  const tell = () => {
    for (let at = 0; at < receipts; at++) deliver(receipt(pdu, receipted), 1, of);
  };
  const act = () => {
    if (behaviour.dlrFirst) tell();
    answer();
    if (!behaviour.dlrFirst) behaviour.dlrDelay ? setTimeout(tell, behaviour.dlrDelay) : tell();
  };
  if (behaviour.hold) held.push(act);
  else behaviour.respDelay ? setTimeout(act, behaviour.respDelay) : act();
}

let count = 0;
function serve(session) {
  session.number = ++count;
  session.open = 0;
  session.unanswered = new Set();
  session.on("close", () => {
    sessions.delete(session);
    session.unanswered.forEach((again) => again());
  });
  session.on("error", () => session.destroy());
  for (const kind of ["bind_transceiver", "bind_transmitter", "bind_receiver"])
    session.on(kind, (pdu) => {
      if (behaviour.mute) return;
      const status = behaviour.bindStatus || (pdu.password === behaviour.password ? 0 : smpp.ESME_RINVPASWD);
      session.send(pdu.response(status ? { command_status: status } : { system_id: "node-smpp", sc_interface_version: 0x34 }));
      if (status) return;
      session.kind = kind;
      session.version = pdu.interface_version;
      session.receives = kind !== "bind_transmitter";
      sessions.add(session);
    });
  session.on("enquire_link", (pdu) => {
    seen.enquired += 1;
    if (!behaviour.mute) session.send(pdu.response());
  });
  session.on("unbind", (pdu) => {
    seen.unbinds += 1;
    if (behaviour.mute) return;
    session.send(pdu.response());
    session.close();
  });
  session.on("unbind_resp", () => session.close());
  session.on("submit_sm", (pdu) => takeSubmit(session, pdu));
}

const CONTROLS = {
  "/set": (body) => Object.assign(behaviour, body),
  "/clear": clear,
  "/reset": () => {
    test += 1;
    behaviour = { ...BEHAVIOUR };
    held = [];
    clear();
  },
  "/answer": () => held.splice(0).forEach((act) => act()),
  "/mo": (body) => deliver(body.hex ? { ...body, hex: undefined, short_message: Buffer.from(body.hex, "hex") } : body),
  "/kill": () => sessions.forEach((session) => session.destroy()),
  "/unbind": () => sessions.forEach((session) => session.unbind()),
  "/encode": ({ command, fields, octets }) => {
    for (const name of octets || []) fields[name] = Buffer.from(fields[name], "hex");
    return { pdu: new smpp.PDU(command, fields).toBuffer().toString("hex") };
  },
  "/decode": ({ pdu }) => {
    const read = { ...new smpp.PDU(Buffer.from(pdu, "hex")) };
    for (const name in read) if (read[name] && read[name].message !== undefined) read[name] = read[name].message;
    for (const name in read) if (Buffer.isBuffer(read[name])) read[name] = read[name].toString("hex");
    return read;
  },
  "/errors": () => smpp.errors,
  "/state": () => undefined,
};

function control(request, response) {
  let text = "";
  request.on("data", (data) => (text += data));
  request.on("end", () => {
    const answer = CONTROLS[request.url](text ? JSON.parse(text) : undefined);
    const binds = [...sessions].map(({ kind, number, version }) => ({ kind, number, version }));
    response.end(JSON.stringify(["/encode", "/decode", "/errors"].includes(request.url) ? answer : { ...seen, binds }));
  });
}

const [key, cert] = process.argv.slice(2);
const options = key ? { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } : {};
const smsc = smpp.createServer(options, serve);
smsc.on("tlsClientError", () => undefined);
const door = http.createServer(control);
smsc.listen(0, "127.0.0.1", () =>
  door.listen(0, "127.0.0.1", () =>
    console.log(JSON.stringify({ smpp: smsc.address().port, control: door.address().port })),
  ),
);
process.stdin.on("end", () => process.exit(0)).resume();
