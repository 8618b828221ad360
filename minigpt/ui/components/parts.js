// What each part of a model matters: a cell for each, a line of cells for each layer; one can be
// chosen. A cell without an effect is hatched, so that it is told apart in grey as well.

export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".parts")
  const across = data.columns.length
  if (grid.dataset.shape !== `${data.rows.length} ${across}`) build(grid, data)
  const buttons = [...grid.querySelectorAll("button")]

  buttons.forEach((button, i) => {
    const cell = data.cells[i]
    button.textContent = cell.text
    button.title = cell.words
    button.setAttribute("aria-label", cell.words)
    button.classList.toggle("unseen", !cell.seen)
    button.classList.toggle("harms", cell.depth < 0)
    button.style.setProperty("--depth", `${Math.round(Math.abs(cell.depth) * 70)}%`)
    button.setAttribute("aria-pressed", String(i === data.chosen))
    button.tabIndex = i === data.chosen ? 0 : -1
    button.onclick = () => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)))
      setTriggerValue("clicked", i)
    }
  })
  grid.onkeydown = (event) => walk(event, buttons, across)
}

function build(grid, data) {
  const said = (words, name) => {
    const label = document.createElement("div")
    label.className = name
    label.textContent = words
    return label
  }
  const cells = [said("", "corner"), ...data.columns.map((name) => said(name, "column"))]
  for (const row of data.rows) {
    cells.push(said(row, "row"))
    for (let i = 0; i < data.columns.length; i++) {
      const button = document.createElement("button")
      button.type = "button"
      cells.push(button)
    }
  }
  grid.replaceChildren(...cells)
  grid.style.setProperty("--across", data.columns.length)
  grid.dataset.shape = `${data.rows.length} ${data.columns.length}`
}

// Arrow keys go from cell to cell, so that the grid is one stop of the Tab key.
function walk(event, buttons, across) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }
  const at = buttons.indexOf(event.target.closest("button"))
  const next = buttons[at + (steps[event.key] ?? NaN)]
  if (at < 0 || !next) return
  event.preventDefault()
  buttons.forEach((button) => (button.tabIndex = button === next ? 0 : -1))
  next.focus()
}
