// Everything the pages run. Each page works without it: it makes them live, counts the clocks,
// and spares people double clicks and the mouse.
import "htmx.org";
import "htmx.org/dist/ext/hx-ws.js";

import "./js/sla-timer.js";
import { startExplanations } from "./js/explain.js";
import { startForms } from "./js/forms.js";
import { startKeyboard } from "./js/keyboard.js";
import { startLive } from "./js/live.js";
import { startPrinting } from "./js/print.js";

startExplanations();
startForms();
startKeyboard();
startLive();
startPrinting();
