# Makes series.csv, regressors.csv and reference_fits.json beside this file: Rscript make.R
# The series are simulated; the fits are those of R's own arima(), with the optimiser told to go on to the end.
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
set.seed(20260701)

simulate <- function(n, ...) as.numeric(arima.sim(list(...), n))
# A season that changes slowly: its difference over a period is a moving average.
seasonal <- function(n, period) {
    w <- rnorm(n)
    diffinv(w[-(1:period)] - 0.5 * w[1:(n - period)], lag = period, xi = 10 * sin(2 * pi * (1:period) / period))
}
level <- as.numeric(arima.sim(list(ar = 0.5), 80))
load <- rnorm(92)
series <- list(
    ar1 = list(period = 1, values = 5 + simulate(120, ar = 0.7)),
    ma2 = list(period = 1, values = 2 + simulate(100, ma = c(0.5, 0.3))),
    arma11 = list(period = 1, values = 1 + simulate(150, ar = 0.6, ma = 0.4)),
    walk = list(period = 1, values = cumsum(simulate(90, ma = -0.4))),
    drifting = list(period = 1, values = cumsum(0.4 + simulate(110, ar = 0.5))),
    quarters = list(period = 4, values = 50 + seasonal(64, 4) + simulate(64, ar = 0.6)),
    months = list(period = 12, values = 100 + seasonal(96, 12) + cumsum(rnorm(96))),
    driven = list(period = 1, values = 3 + 1.5 * load[1:80] + level))
series <- lapply(series, function(s) list(period = s$period, values = round(s$values, 3)))
load <- round(load, 4)

fits <- list(
    list(s = "ar1", o = c(1, 0, 0)), list(s = "ar1", o = c(2, 0, 0)), list(s = "ma2", o = c(0, 0, 2)),
    list(s = "arma11", o = c(1, 0, 1)), list(s = "walk", o = c(0, 1, 1)), list(s = "walk", o = c(1, 1, 1)),
    list(s = "drifting", o = c(1, 1, 0), drift = TRUE), list(s = "drifting", o = c(0, 1, 2), drift = TRUE),
    list(s = "quarters", o = c(0, 1, 1), p = c(0, 1, 1)), list(s = "quarters", o = c(1, 0, 0), p = c(0, 1, 1)),
    list(s = "months", o = c(0, 1, 1), p = c(0, 1, 1)), list(s = "months", o = c(1, 1, 0), p = c(1, 0, 0)),
    list(s = "driven", o = c(1, 0, 0), x = "load"))

number <- function(x) ifelse(is.na(x), "null", formatC(x, digits = 15, format = "g"))
object <- function(names, values) paste0("{", paste0("\"", names, "\": ", values, collapse = ", "), "}")
array <- function(x) paste0("[", paste(number(x), collapse = ", "), "]")

one <- function(fit) {
    y <- series[[fit$s]]$values
    period <- series[[fit$s]]$period
    p <- if (is.null(fit$p)) c(0, 0, 0) else fit$p
    drift <- isTRUE(fit$drift)
    n <- length(y)
    h <- 12
    x <- if (drift) cbind(drift = 1:n) else if (!is.null(fit$x)) cbind(load = load[1:n])
    future <- if (drift) cbind(drift = n + 1:h) else if (!is.null(fit$x)) cbind(load = load[n + 1:h])
    run <- function(method, fixed = NULL, y. = y, o = fit$o, p. = p, x. = x) {
        arguments <- list(
            y., order = o, seasonal = list(order = p., period = period), method = method,
            optim.control = list(reltol = 1e-13, maxit = 2000))
        if (!is.null(x.)) arguments$xreg <- x.
        if (!is.null(fixed)) { arguments$fixed <- fixed; arguments$transform.pars <- FALSE }
        do.call(arima, arguments)
    }
    ml <- run("ML")
    css <- run("CSS")
    rounded <- round(coef(ml), 3)
    at <- run("ML", rounded)
    # Of a differenced series the likelihood is exact, where R's diffuse start is an approximation. Differencing the regressor
    # makes drift the mean.
    exact <- if (fit$o[2] + p[2] > 0) {
        d <- function(v) {
            if (fit$o[2] > 0) v <- diff(v, differences = fit$o[2])
            if (p[2] > 0) v <- diff(v, lag = period, differences = p[2])
            v
        }
        z <- arima(
            d(if (drift) y - rounded["drift"] * (1:n) else y), order = c(fit$o[1], 0, fit$o[3]),
            seasonal = list(order = c(p[1], 0, p[3]), period = period), include.mean = FALSE, method = "ML",
            fixed = rounded[names(rounded) != "drift"], transform.pars = FALSE)
        z$loglik
    } else at$loglik
    ahead <- if (is.null(future)) predict(ml, n.ahead = h) else predict(ml, n.ahead = h, newxreg = future)
    mean <- as.numeric(ahead$pred)
    se <- as.numeric(ahead$se)
    residuals <- as.numeric(residuals(ml))
    ljung <- Box.test(residuals, lag = 10, type = "Ljung-Box")$statistic
    se.of <- sqrt(diag(ml$var.coef))
    sum.css <- css$sigma2
    list(exact = exact, text = object(
        c("series", "transform", "order", "seasonal", "period", "xreg", "drift", "include_mean", "ML", "CSS"),
        c(sprintf("\"%s\"", fit$s), "\"none\"", array(fit$o), array(p), period,
          if (is.null(fit$x)) "null" else "\"load\"", if (drift) "true" else "false", "true",
          object(
            c("coef", "se", "sigma2", "loglik", "skip_first", "ljung_box_10", "at_fixed", "forecast"),
            c(object(names(coef(ml)), number(coef(ml))), object(names(se.of), number(se.of)), number(ml$sigma2),
              number(ml$loglik), 0, number(ljung),
              object(c("coef", "loglik", "sigma2", "resid_head", "resid_tail"),
                     c(object(names(rounded), number(rounded)), number(at$loglik), number(at$sigma2), "[]", "[]")),
              object(c("mean", "se", "lo95", "hi95"),
                     c(array(mean), array(se), array(mean - qnorm(0.975) * se), array(mean + qnorm(0.975) * se))))),
          object(c("css"), number(sum.css)))))
}
made <- lapply(fits, one)
exact <- sapply(seq_along(made), function(i)
    object(c("index", "loglik_differenced_concentrated"), c(i - 1, number(made[[i]]$exact))))
writeLines(c(
    "{", paste0("\"generator\": \"", R.version.string, ", stats::arima\","), "\"fits\": [",
    paste(sapply(made, function(m) m$text), collapse = ",\n"), "],", "\"exact_at_fixed\": [",
    paste(exact, collapse = ",\n"), "]", "}"), file.path(here, "reference_fits.json"))
writeLines(c("id,season,start,n,values", sapply(names(series), function(k) {
    s <- series[[k]]
    paste(k, s$period, 1, length(s$values), paste(s$values, collapse = " "), sep = ",")
})), file.path(here, "series.csv"))
writeLines(c(
    "xreg_id,part,column,values", paste("load", "train", "load", paste(load[1:80], collapse = " "), sep = ","),
    paste("load", "future", "load", paste(load[81:92], collapse = " "), sep = ",")), file.path(here, "regressors.csv"))
