// @ts-check
// The reader's word for each code the server uses. A code unknown here is shown as plain words.
import { gettext } from './i18n.js';

/** @type {Record<string, () => string>} */
const WORDS = {
  'kind.burst': () => gettext('Burst main'), 'kind.leak': () => gettext('Leak'), 'kind.no_water': () => gettext('No water'),
  'kind.low_pressure': () => gettext('Low pressure'), 'kind.discoloured': () => gettext('Discoloured water'),
  'kind.meter': () => gettext('Meter'), 'kind.sewer': () => gettext('Sewer blockage'), 'kind.hydrant': () => gettext('Hydrant or cover'), 'kind.construction': () => gettext('Digging near a main'), 'kind.defect': () => gettext('Defect of an asset'), 'kind.planned': () => gettext('Planned works'), 'kind.enquiry': () => gettext('Enquiry'),
  'order.repair': () => gettext('Isolate and repair'), 'order.valves': () => gettext('Close valves'), 'order.notices': () => gettext('Notices'), 'order.inspect': () => gettext('Inspect'), 'order.traffic': () => gettext('Traffic safety'),
  'state.draft': () => gettext('draft'), 'state.registered': () => gettext('registered'), 'state.triaged': () => gettext('triaged'), 'state.assigned': () => gettext('assigned'),
  'state.returned': () => gettext('returned'), 'state.in_progress': () => gettext('in progress'), 'state.suspended': () => gettext('suspended'), 'state.pending_customer': () => gettext('waiting for customer'),
  'state.resolved': () => gettext('resolved'), 'state.call_back': () => gettext('call-back'), 'state.closed': () => gettext('closed'), 'state.reopened': () => gettext('reopened'),
  'state.cancelled': () => gettext('cancelled'), 'state.merged': () => gettext('merged'), 'state.answered': () => gettext('answered'), 'state.audited': () => gettext('audited'),
  'state.open': () => gettext('open'),
  'state.created': () => gettext('created'), 'state.dispatched': () => gettext('crew sent'), 'state.accepted': () => gettext('accepted'),
  'state.en_route': () => gettext('on the way'), 'state.on_site': () => gettext('on site'), 'state.isolating': () => gettext('closing valves'), 'state.isolated': () => gettext('water stopped'),
  'state.repaired': () => gettext('repaired'), 'state.restored': () => gettext('water back'),
  'state.completed': () => gettext('completed'), 'state.verified': () => gettext('verified'), 'state.declined': () => gettext('declined'), 'state.paused': () => gettext('paused'),
  'state.recalled': () => gettext('recalled'), 'state.message': () => gettext('left a message'), 'state.failed_visit': () => gettext('no access'),
  'step.confirms': () => gettext('water off confirmed'), 'step.open': () => gettext('opened'), 'step.amend': () => gettext('corrected'), 'step.moved': () => gettext('moved'), 'step.join': () => gettext('another caller joined'), 'step.register': () => gettext('registered'), 'step.triage': () => gettext('triaged'), 'step.plan': () => gettext('shut-off planned'), 'step.assign': () => gettext('assigned'), 'step.start': () => gettext('work began'),
  'step.dispatch': () => gettext('crew sent'), 'step.dispatched': () => gettext('crew sent'), 'step.accept': () => gettext('order accepted'), 'step.decline': () => gettext('order declined'), 'step.depart': () => gettext('on the way'), 'step.arrive': () => gettext('arrived'), 'step.on_site': () => gettext('crew on site'),
  'step.close_valve': () => gettext('valve closed'), 'step.cannot_close_valve': () => gettext('valve cannot be closed'), 'step.open_valve': () => gettext('valve opened'), 'step.isolated': () => gettext('water stopped'), 'step.repaired': () => gettext('repaired'), 'step.restored': () => gettext('water back'),
  'step.complete': () => gettext('work completed'), 'step.verify': () => gettext('verified'), 'step.resolve': () => gettext('resolved'), 'step.call_back': () => gettext('call-back'), 'step.close': () => gettext('closed'), 'step.closed': () => gettext('closed'), 'step.reopen': () => gettext('reopened'), 'step.cancel': () => gettext('cancelled'), 'step.recall': () => gettext('recalled'),
  'step.sent': () => gettext('order sent to'), 'step.passed_on': () => gettext('order passed on to'), 'step.no_answer': () => gettext('no answer from'), 'step.waiting': () => gettext('waits for a crew again'), 'step.pause': () => gettext('paused'), 'step.resume': () => gettext('resumed'), 'step.suspend': () => gettext('suspended'), 'step.note': () => gettext('note'), 'step.photo': () => gettext('picture'), 'step.excavated': () => gettext('trench open'), 'step.flushed': () => gettext('main flushed'), 'step.sampled': () => gettext('sample taken'), 'step.reinstated': () => gettext('road made good'), 'step.no_access': () => gettext('no access'), 'step.answer': () => gettext('answered'), 'step.merge': () => gettext('merged'), 'step.return': () => gettext('returned'), 'step.audit': () => gettext('audited'),
  'crew.available': () => gettext('free'), 'crew.assigned': () => gettext('has an order'), 'crew.en_route': () => gettext('on the way'), 'crew.on_site': () => gettext('on site'),
  'crew.break': () => gettext('on a break'),
  'crew.off_duty': () => gettext('off shift'), 'crew.out_of_service': () => gettext('out of service'),
  'vehicle.van': () => gettext('van'), 'vehicle.truck': () => gettext('truck'), 'vehicle.jetting truck': () => gettext('jetting truck'),
  'valve.open': () => gettext('valve open'), 'valve.closed': () => gettext('valve closed'), 'valve.cannot_close': () => gettext('cannot close'), 'valve.requested': () => gettext('to close'), 'valve.reopened': () => gettext('valve opened'), 'valve.dropped': () => gettext('not needed'),
  'condition.yes': () => gettext('operable'), 'condition.no': () => gettext('seized'), 'condition.unknown': () => gettext('condition unknown'), 'condition.buried': () => gettext('paved over'),
  'use.hospital': () => gettext('hospital'), 'use.dialysis': () => gettext('dialysis'), 'use.school': () => gettext('school'), 'use.care': () => gettext('care home'), 'use.home': () => gettext('home'),
  'use.shop': () => gettext('shop'), 'use.office': () => gettext('office'),
  'channel.phone': () => gettext('phone'), 'channel.sms': () => gettext('SMS'), 'channel.web': () => gettext('web'), 'channel.letter': () => gettext('letter'), 'channel.visit': () => gettext('visit'), 'channel.message': () => gettext('left a message'),
  'call.ringing': () => gettext('ringing'), 'call.ivr': () => gettext('in the menu'), 'call.queued': () => gettext('waiting'), 'call.talking': () => gettext('talking'), 'call.message': () => gettext('leaving a message'), 'call.wrap': () => gettext('after-call work'), 'call.ended': () => gettext('ended'),
  'agent.ready': () => gettext('Ready'), 'agent.talking': () => gettext('Talking'), 'agent.ringing': () => gettext('Ringing'), 'agent.hold': () => gettext('Caller on hold'), 'agent.wrap': () => gettext('After-call work'), 'agent.paused': () => gettext('Paused'), 'agent.signed_out': () => gettext('Signed out of the queue'),
  'pause.no answer': () => gettext('did not answer'), 'pause.telephone gone': () => gettext('telephone gone'), 'pause.ACW': () => gettext('After-call work'), 'pause.break': () => gettext('break'), 'pause.lunch': () => gettext('lunch'), 'pause.paperwork': () => gettext('paperwork'), 'pause.training': () => gettext('training'), 'pause.meeting': () => gettext('meeting'),
  'kept.waiting': () => gettext('waits for our call'), 'kept.dialling': () => gettext('is being called'), 'kept.reached': () => gettext('reached'), 'kept.missed': () => gettext('not reached'), 'kept.cancelled': () => gettext('cancelled'),
  'knock.account': () => gettext('unknown account'), 'knock.password': () => gettext('wrong password'), 'knock.format': () => gettext('malformed request'), 'knock.number': () => gettext('forbidden numbers'),
  'line.idle': () => gettext('free'), 'line.busy': () => gettext('busy'), 'line.down': () => gettext('cannot be reached'),
  'grade.room': () => gettext('room'), 'grade.building': () => gettext('building'), 'grade.estate': () => gettext('estate'), 'grade.number': () => gettext('house number'), 'grade.crossing': () => gettext('crossing'),
  'grade.asset': () => gettext('asset'), 'grade.road': () => gettext('road only'), 'grade.coordinates': () => gettext('coordinates'),
  'clock.answer': () => gettext('answer'), 'clock.dispatch': () => gettext('dispatch'), 'clock.arrival': () => gettext('arrival'), 'clock.stop_water': () => gettext('stop water'), 'clock.stop': () => gettext('stop water'), 'clock.repair': () => gettext('repair'),
  'action.triage': () => gettext('Triage'), 'action.assign': () => gettext('Assign'), 'action.start': () => gettext('Start'), 'action.resolve': () => gettext('Resolve'), 'action.close': () => gettext('Close the ticket'), 'action.reopen': () => gettext('Reopen'), 'action.cancel': () => gettext('Cancel the ticket'), 'action.suspend': () => gettext('Suspend'), 'action.resume': () => gettext('Resume'), 'action.merge': () => gettext('Merge'), 'action.call_back': () => gettext('Call back'), 'action.return': () => gettext('Return'), 'action.audit': () => gettext('Audit'), 'action.answer': () => gettext('Answer the enquiry'),
  'retention.standard': () => gettext('ordinary call'), 'retention.complaint': () => gettext('complaint'), 'retention.emergency': () => gettext('emergency'), 'retention.message': () => gettext('message'),
  'recording.open': () => gettext('asked to hear it'), 'recording.play': () => gettext('played'), 'recording.refused': () => gettext('was refused'), 'recording.hold': () => gettext('legal hold'), 'recording.hold_lifted': () => gettext('hold lifted'), 'recording.retention': () => gettext('class changed'), 'recording.removed': () => gettext('removed'), 'recording.paused': () => gettext('paused for payment'), 'recording.resumed': () => gettext('recorded again'), 'recording.gap_seen': () => gettext('missing, explained'),
  're.1': () => gettext('1 hour'), 're.6': () => gettext('6 hours'), 're.24': () => gettext('one day'), 're.168': () => gettext('one week'),
  'sms.queued': () => gettext('queued'), 'sms.sending': () => gettext('sending'), 'sms.unknown': () => gettext('unknown'), 'sms.sent': () => gettext('sent'), 'sms.delivered': () => gettext('delivered'), 'sms.failed': () => gettext('failed'),
  'identity.one': () => gettext('one account has this number'), 'identity.many': () => gettext('several accounts have this number'), 'identity.none': () => gettext('number not known'), 'identity.hidden': () => gettext('number hidden'),
};

/** @param {string} family @param {string | null | undefined} code */
export function word(family, code) {
  if (!code) return '–';
  const found = WORDS[`${family}.${code}`];
  return found ? found() : code.replace(/_/g, ' ');
}
