// One head's weights out of what `plots.packed` made of them, and the words that tell one.

function weightsOf(data) {
  const { rows, first } = data
  const front = first ? 1 : 0 // of a row, where the text is longer than what is shown
  const bytes = bytesOf(data.weights).buffer
  const signed = data.kind === "difference"
  const numbers = signed ? new Int16Array(bytes) : new Uint16Array(bytes)
  const unit = data.highest / (signed ? 32767 : 65535)
  const start = (row) => (row * (row + 1)) / 2 + front * (row + 1)
  return {
    ...data,
    signed,
    lowest: front ? -1 : 0, // the first column: -1 is all that lies further back
    at: (row, column) => unit * numbers[start(row) + column],
    // Of the rows that look, what a column gets of them together.
    sum(looking, column) {
      const rows = looking.filter((row) => column <= row)
      return rows.reduce((sum, row) => sum + unit * numbers[start(row) + column], 0)
    },
  }
}

// The place of a value on the colour scale: 0 to 255.
function level(weights, value) {
  const share = weights.signed ? (value / weights.highest + 1) / 2 : value / weights.highest
  return Math.max(0, Math.min(255, Math.round(255 * share)))
}

function shown(weights, value) {
  if (weights.kind === "norm") return value.toPrecision(3)
  const percent = Math.abs(100 * value)
  if (weights.signed) {
    const sign = percent < 0.05 ? "" : value < 0 ? "−" : "+"
    return `${sign}${percent.toFixed(1)} points`
  }
  return percent < 0.05 ? "under 0.1 %" : `${percent.toFixed(1)} %`
}

// What a text consists of: words, and tokens as { token }.
function named(weights, index) {
  const { first, labels } = weights
  if (index >= 0) return [{ token: labels[index] }, ` (token ${count(first + index + 1)})`]
  return [`the ${count(first)} before token ${count(first + 1)}`]
}

const count = (number) => number.toLocaleString("en-US")

function told(weights, row, column) {
  const [from, to] = [named(weights, row), named(weights, column)]
  if (column > row) return [...from, " cannot look ahead to ", ...to]
  const value = shown(weights, weights.at(row, column))
  if (weights.kind === "norm") return [...from, ` takes ${value} from `, ...to, `, ${weights.unit}`]
  if (weights.signed) return [...from, " to ", ...to, `: ${value}`]
  return [...from, ` gives ${value} of its attention to `, ...to]
}

// Writes such a text: whatever a token holds stays text.
function write(element, parts) {
  element.replaceChildren(
    ...parts.map((part) => {
      if (typeof part === "string") return part
      const chip = document.createElement("bdi")
      chip.textContent = part.token
      return chip
    }),
  )
}

const spoken = (parts) => parts.map((part) => part.token ?? part).join("")

// A label cut to what fits, with … where something is left out.
function cut(context, label, room) {
  if (context.measureText(label).width <= room) return label
  let letters = [...label]
  do letters = letters.slice(0, -1)
  while (letters.length > 1 && context.measureText(`${letters.join("")}…`).width > room)
  return `${letters.join("")}…`
}
