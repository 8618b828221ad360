// The map of one head: rows look, columns are looked at. Always square.

const MOST_SIDE = 540, MOST_CELL = 72, FIRST = 14 // pixels; the last of the column further back
const SLANT = Math.SQRT1_2

// Where everything stands in a panel of this width.
function mapPlan(weights, theme, width) {
  const { rows, labels } = weights
  reader.font = theme.tokens
  const room = width < 480 ? 62 : 92
  const names = labels.map((label) => cut(reader, label, room))
  const earlier = weights.lowest < 0
  const widest = Math.max(...names.map((name) => reader.measureText(name).width), earlier ? 56 : 0)
  const slanted = earlier || widest > 20
  const aside = slanted ? SLANT * (widest + SMALLEST) : 0
  const left = 26 + Math.ceil(widest) + 8 + (earlier ? FIRST + 8 : 0)
  const top = 26 + (slanted ? Math.ceil(aside) : SMALLEST + 4)
  const most = Math.max(60, Math.min(MOST_SIDE, width - left - Math.max(aside - 6, 4)))
  const side = whole(Math.min(most, MOST_CELL * rows), rows)
  const cell = side / rows
  const pitch = Math.max(SMALLEST + 2, slanted ? 20 : widest + 6)
  const every = pitch <= cell ? 1 : Math.ceil(Math.max(pitch, 23) / cell) // as words, not as a text
  return {
    names, slanted, left, top, side, cell, every, earlier,
    width: left + side + Math.max(aside - 6, 4),
    height: top + side + 58,
  }
}

// A side that gives every row the same whole number of screen pixels, where that costs little.
function whole(side, rows) {
  const scale = window.devicePixelRatio || 1
  const pixels = Math.floor((side * scale) / rows)
  const even = (pixels * rows) / scale
  return even > 0.8 * side ? even : side
}

// The cells as an image: one pixel each; where the screen has fewer, the strongest of several.
function cellImage(weights, theme, plan, scale) {
  const { rows } = weights
  const size = Math.min(rows, Math.max(1, Math.floor(plan.side * scale)))
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = size
  const context = canvas.getContext("2d")
  const picture = context.createImageData(size, size)
  const pixels = new Uint32Array(picture.data.buffer)
  const strongest = new Float32Array(size * size)
  const colors = (weights.signed ? theme.diverging : theme.sequential).map(pixel)
  for (let row = 0; row < rows; row++) {
    const y = Math.floor((row * size) / rows)
    for (let column = 0; column <= row; column++) {
      const value = weights.at(row, column)
      const i = y * size + Math.floor((column * size) / rows)
      if (pixels[i] && Math.abs(value) <= Math.abs(strongest[i])) continue
      strongest[i] = value
      pixels[i] = colors[level(weights, value)]
    }
  }
  context.putImageData(picture, 0, 0)
  return canvas
}

function drawMap(context, weights, theme, plan, scale) {
  const { left, top, side, cell, earlier } = plan
  const colors = weights.signed ? theme.diverging : theme.sequential
  hatch(context, theme, left, top, side)
  context.imageSmoothingEnabled = false
  context.drawImage(cellImage(weights, theme, plan, scale), left, top, side, side)
  if (earlier) {
    for (let row = 0; row < weights.rows; row++) {
      context.fillStyle = css(colors[level(weights, weights.at(row, -1))])
      context.fillRect(left - FIRST - 8, top + row * cell, FIRST, cell + 0.5)
    }
  }
  if (cell >= 9) gaps(context, theme, plan, weights.rows)
  context.strokeStyle = theme.line
  context.lineWidth = 1
  context.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1)
  if (earlier) context.strokeRect(left - FIRST - 8.5, top - 0.5, FIRST + 1, side + 1)
  for (let i = 0; i < weights.rows; i += plan.every) {
    rowLabel(context, theme, plan, i)
    columnLabel(context, theme, plan, i)
  }
  if (earlier) columnLabel(context, theme, plan, -1)
  axisTitles(context, theme, plan)
  colorBar(context, weights, theme, plan)
}

// Where nobody can look: lines, so that it is not taken for 0 %.
function hatch(context, theme, left, top, side) {
  context.save()
  context.beginPath()
  context.rect(left, top, side, side)
  context.clip()
  context.beginPath()
  for (let x = -side; x < side; x += 6) {
    context.moveTo(left + x, top + side)
    context.lineTo(left + x + side, top)
  }
  context.strokeStyle = theme.line
  context.lineWidth = 1
  context.stroke()
  context.restore()
}

function gaps(context, theme, { left, top, side, cell }, rows) {
  context.beginPath()
  for (let i = 1; i < rows; i++) {
    const at = i * cell - 0.5 // the last pixel of the cell before
    context.moveTo(left, top + at)
    context.lineTo(left + at + cell, top + at)
    context.moveTo(left + at, top + at - cell)
    context.lineTo(left + at, top + side)
  }
  context.strokeStyle = theme.page
  context.lineWidth = 1
  context.stroke()
}

// A label beside its row. Lit, it stands on a ground of its own, over those it would overlap.
function rowLabel(context, theme, plan, row, lit = null) {
  const x = plan.left - (plan.earlier ? FIRST + 16 : 8)
  const y = plan.top + (row + 0.5) * plan.cell
  label(context, theme, plan.names[row], x, y, "right", lit)
}

function columnLabel(context, theme, plan, column, lit = null) {
  const name = column < 0 ? "earlier" : plan.names[column]
  const x = column < 0 ? plan.left - FIRST / 2 - 8 : plan.left + (column + 0.5) * plan.cell
  context.save()
  context.translate(x, plan.top - (plan.slanted ? 6 : 11))
  if (plan.slanted) context.rotate(-Math.PI / 4)
  label(context, theme, name, 0, 0, plan.slanted ? "left" : "center", lit)
  context.restore()
}

function label(context, theme, name, x, y, align, lit) {
  context.font = theme.tokens
  context.textAlign = align
  context.textBaseline = "middle"
  if (lit) {
    const width = context.measureText(name).width + 6
    const from = { right: x - width + 3, left: x - 3, center: x - width / 2 }[align]
    context.fillStyle = lit
    context.fillRect(from, y - 8, width, 16)
  }
  context.fillStyle = lit ? readableOn(rgb(lit)) : theme.ink
  context.fillText(name, x, y + 0.5)
}

function axisTitles(context, theme, plan) {
  context.font = theme.words
  context.fillStyle = theme.faint
  context.textBaseline = "middle"
  context.textAlign = "left"
  context.fillText("… at this token", plan.left, 9)
  context.save()
  context.translate(10, plan.top + Math.min(plan.side, 130))
  context.rotate(-Math.PI / 2)
  context.fillText("this token looks …", 0, 0)
  context.restore()
}

function colorBar(context, weights, theme, plan) {
  const colors = weights.signed ? theme.diverging : theme.sequential
  const [x, y] = [plan.left, plan.top + plan.side + 14]
  const width = Math.min(180, plan.side)
  for (let i = 0; i < width; i++) {
    context.fillStyle = css(colors[Math.round((i / (width - 1)) * 255)])
    context.fillRect(x + i, y, 1.5, 10)
  }
  context.strokeStyle = theme.line
  context.strokeRect(x - 0.5, y - 0.5, width + 1, 11)
  context.font = theme.words
  context.fillStyle = theme.ink
  context.textBaseline = "middle"
  context.textAlign = "left"
  context.fillText(weights.ends[0], x, y + 22)
  context.textAlign = "right"
  context.fillText(weights.ends[1], x + width, y + 22)
  context.textAlign = "left"
  context.fillStyle = theme.faint
  const said = plan.every > 1 ? `${weights.unit} · one label in ${plan.every}` : weights.unit
  const beside = x + width + 10 + context.measureText(said).width < plan.width
  context.fillText(said, beside ? x + width + 10 : x, beside ? y + 5 : y + 38)
}

// What is pointed at, and which rows are kept, over a map that is drawn already.
function drawOverMap(context, weights, theme, plan, kept, pointed) {
  const { left, top, cell, side } = plan
  const from = plan.earlier ? left - FIRST - 8 : left
  for (const row of kept) {
    rowLabel(context, theme, plan, row, theme.accent)
    context.fillStyle = theme.accent
    context.fillRect(left + (row + 1) * cell, top + row * cell, 4, Math.max(cell, 2))
  }
  context.strokeStyle = theme.ink
  context.lineWidth = 1
  const { row, column } = pointed
  if (row !== null) {
    const width = left - from + (row + 1) * cell
    context.strokeRect(from - 0.5, top + row * cell - 0.5, width + 1, cell + 1)
    rowLabel(context, theme, plan, row, kept.has(row) ? theme.accent : theme.ink)
  }
  if (column !== null) {
    if (column >= 0) {
      const y = top + column * cell
      context.strokeRect(left + column * cell - 0.5, y - 0.5, cell + 1, top + side - y + 1)
    }
    columnLabel(context, theme, plan, column, theme.ink)
  }
  if (row !== null && column !== null && column <= row) {
    const [x, width] = column < 0 ? [left - FIRST - 8, FIRST] : [left + column * cell, cell]
    context.lineWidth = 2
    context.strokeRect(x - 1, top + row * cell - 1, width + 2, cell + 2)
  }
}

// The row and the column under a point of the canvas; nulls where none is.
function cellAt(plan, weights, x, y) {
  const row = Math.floor((y - plan.top) / plan.cell)
  let column = Math.floor((x - plan.left) / plan.cell)
  if (x < plan.left) column = plan.earlier && x > plan.left - FIRST - 8 ? -1 : null
  if (row < 0 || row >= weights.rows) return { row: null, column: null }
  return { row, column: column !== null && column < weights.rows ? column : null }
}
