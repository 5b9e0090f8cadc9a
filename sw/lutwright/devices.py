"""Devices: the dies of each family that the flows know, with their packages, speed grades and order names.

device_fault("ecp5", "45k", "LFE5U-45F-6BG381C", "CABGA381", "6")     # None: all is known, and fits together
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """One die, as nextpnr, Vivado or Quartus has it.

    packages: as the tool names them; empty where it reads them out of the order name. speeds: grades; empty where parts
    have none. order: regular expression of the order names of its parts, with {package}, its {pins} and {speed} in it.
    example: an order name.
    """

    packages: tuple[str, ...]
    speeds: tuple[str, ...]
    order: str
    example: str


def _ice40(die: str, *packages: str) -> Device:
    order = rf"(?i:ICE40-?{die}-?{{package}}\w*)"
    return Device(packages, (), order, f"iCE40{die.upper()}-{packages[0].upper()}")


def _ecp5(name: str, *packages: str) -> Device:
    pins = re.findall(r"\d+", packages[0])[0]
    letters = {"CABGA": "BG", "CSFBGA": "MG", "TQFP": "TG"}[packages[0].removesuffix(pins)]
    return Device(packages, ("6", "7", "8"), rf"{name}-{{speed}}[A-Z]G{{pins}}[CI]", f"{name}-6{letters}{pins}C")


def _gowin(name: str, example: str, *speeds: str) -> Device:
    return Device((), speeds, rf"{name}{{package}}{{speed}}", example)


def _xilinx(name: str, package: str, *speeds: str, order: str) -> Device:
    """order: of its parts behind the die, with {package} and {speed} in it."""
    packages = tuple(package.split())
    plain = order.replace("[iq]?", "").replace("[eim]", "e").replace("[ci]", "c")
    example = name + plain.format(package=packages[0], speed=speeds[0])
    return Device(packages, speeds, name + order, example)


def _series7(name: str, packages: str) -> Device:
    return _xilinx(name, packages, "1", "1L", "2", "2L", "3", order="[iq]?{package}-{speed}")


def _ultrascale(name: str, packages: str) -> Device:
    return _xilinx(name, packages, "1", "2", "3", "1L", "2L", order="-{package}-{speed}-[eim]")


def _cyclone5(name: str, packages: str) -> Device:
    """The order name ends in package, temperature and grade."""
    first = packages.split()[0]
    return Device(tuple(packages.split()), ("6", "7", "8"), f"{name}{{package}}[ACI]{{speed}}S?N?", f"{name}{first}C6")


DEVICES: dict[str, dict[str, Device]] = {
    "ice40": {
        "lp384": _ice40("lp384", "qn32", "cm36", "cm49"),
        "lp1k": _ice40("lp1k", "swg16tr", "cm36", "cm49", "cm81", "cb81", "cm121", "cb121", "qn84"),
        "lp4k": _ice40("lp4k", "cm81", "cm121", "cm225"),
        "lp8k": _ice40("lp8k", "cm81", "cm121", "cm225"),
        "hx1k": _ice40("hx1k", "tq144", "cb132", "vq100"),
        "hx4k": _ice40("hx4k", "tq144", "cb132", "bg121"),
        "hx8k": _ice40("hx8k", "ct256", "cm225", "cb132", "bg121"),
        "up5k": _ice40("up5k", "sg48", "uwg30"),
    },
    "ecp5": {
        "12k": _ecp5("LFE5U-12F", "CABGA381", "CABGA256", "CSFBGA285", "TQFP144"),
        "25k": _ecp5("LFE5U-25F", "CABGA381", "CABGA256", "CSFBGA285", "TQFP144"),
        "45k": _ecp5("LFE5U-45F", "CABGA381", "CABGA256", "CABGA554", "CSFBGA285", "TQFP144"),
        "85k": _ecp5("LFE5U-85F", "CABGA381", "CABGA554", "CABGA756", "CSFBGA285"),
        "um-25k": _ecp5("LFE5UM-25F", "CABGA381", "CSFBGA285"),
        "um-45k": _ecp5("LFE5UM-45F", "CABGA381", "CABGA554", "CSFBGA285"),
        "um-85k": _ecp5("LFE5UM-85F", "CABGA381", "CABGA554", "CABGA756", "CSFBGA285"),
        "um5g-25k": _ecp5("LFE5UM5G-25F", "CABGA381", "CSFBGA285"),
        "um5g-45k": _ecp5("LFE5UM5G-45F", "CABGA381", "CABGA554", "CSFBGA285"),
        "um5g-85k": _ecp5("LFE5UM5G-85F", "CABGA381", "CABGA554", "CABGA756", "CSFBGA285"),
    },
    "gowin": {
        "GW1N-1": _gowin("GW1N-[LU]V1", "GW1N-LV1QN48C6/I5", "C6/I5", "C5/I4"),
        "GW1NZ-1": _gowin("GW1NZ-[LZ]V1", "GW1NZ-LV1QN48C6/I5", "C6/I5"),
        "GW1N-4": _gowin("GW1NR?-[LU]V4", "GW1N-LV4QN88C6/I5", "C7/I6", "C6/I5", "C5/I4"),
        "GW1N-9": _gowin("GW1NR?-[LU]V9", "GW1N-UV9QN88C6/I5", "C7/I6", "C6/I5", "C5/I4"),
        "GW1N-9C": _gowin("GW1NR?-[LU]V9", "GW1NR-LV9QN88PC6/I5", "C7/I6", "C6/I5", "C5/I4"),
        "GW1NS-4": _gowin("GW1NSR?-[LU]V4C", "GW1NSR-LV4CQN48PC6/I5", "C7/I6", "C6/I5", "C5/I4"),
        "GW2A-18": _gowin("GW2AR?-[LU]V18", "GW2A-LV18PG256C8/I7", "C9/I8", "C8/I7", "C7/I6"),
        "GW2A-18C": _gowin("GW2AR?-[LU]V18", "GW2AR-LV18QN88C8/I7", "C9/I8", "C8/I7", "C7/I6"),
    },
    "xc7": {
        "xc7a15t": _series7("xc7a15t", "cpg236 csg325 csg324 ftg256 fgg484"),
        "xc7a35t": _series7("xc7a35t", "cpg236 csg325 csg324 ftg256 fgg484"),
        "xc7a50t": _series7("xc7a50t", "cpg236 csg325 csg324 ftg256 fgg484"),
        "xc7a75t": _series7("xc7a75t", "csg324 ftg256 fgg484 fgg676"),
        "xc7a100t": _series7("xc7a100t", "csg324 ftg256 fgg484 fgg676"),
        "xc7a200t": _series7("xc7a200t", "sbg484 fbg484 fbg676 ffg1156"),
        "xc7s25": _series7("xc7s25", "csga225 csga324 ftgb196"),
        "xc7s50": _series7("xc7s50", "csga324 ftgb196 fgga484"),
        "xc7k325t": _series7("xc7k325t", "fbg676 ffg676 fbg900 ffg900"),
        "xc7z010": _series7("xc7z010", "clg225 clg400"),
        "xc7z020": _series7("xc7z020", "clg400 clg484"),
        "xc7z030": _series7("xc7z030", "sbg485 fbg484 fbg676 ffg676"),
        "xc7z045": _series7("xc7z045", "fbg676 ffg676 ffg900"),
    },
    "xcup": {
        "xczu2eg": _ultrascale("xczu2eg", "sbva484 sfva625 sfvc784"),
        "xczu3eg": _ultrascale("xczu3eg", "sbva484 sfva625 sfvc784"),
        "xczu5ev": _ultrascale("xczu5ev", "sfvc784 fbvb900"),
        "xczu7ev": _ultrascale("xczu7ev", "fbvb900 ffvc1156 ffvf1517"),
        "xczu9eg": _ultrascale("xczu9eg", "ffvc900 ffvb1156"),
        "xck26": _xilinx("xck26", "sfvc784", "2LV", "2LVI", order="-{package}-{speed}-[ci]"),
    },
    "cyclonev": {
        "5CSEBA2": _cyclone5("5CSEBA2", "U19 U23"),
        "5CSEBA4": _cyclone5("5CSEBA4", "U19 U23"),
        "5CSEBA5": _cyclone5("5CSEBA5", "U19 U23"),
        "5CSEBA6": _cyclone5("5CSEBA6", "U19 U23"),
        "5CSXFC6D6": _cyclone5("5CSXFC6D6", "F31"),
        "5CEBA4": _cyclone5("5CEBA4", "U15 F17 U19 F23"),
        "5CEFA2": _cyclone5("5CEFA2", "U15 F17 U19 F23"),
    },
}
"""Family -> device -> what is known of it."""


def device_fault(family: str, device: str, part: str, package: str, speed: str) -> tuple[str, str, str] | None:
    """What is wrong with a part, as words of a board file: the rule that it breaks, what was found, what to do."""
    known, names = DEVICES[family].get(device), f"Write it as {_NAMED_BY.get(family, 'nextpnr')} does."
    if known is None:
        return f"key 'device' must be a die of family '{family}': {', '.join(DEVICES[family])}", repr(device), names
    if known.packages and package not in known.packages:
        return f"key 'package' must be a package of '{device}': {', '.join(known.packages)}", repr(package), names
    if speed not in (known.speeds or ("",)):
        grades = f"a speed grade of '{device}': {', '.join(known.speeds)}" if known.speeds else f"absent for '{device}'"
        return f"key 'speed' must be {grades}", repr(speed), names
    pins = "".join(re.findall(r"\d+", package)[:1])
    order = known.order.format(package=re.escape(package), pins=pins, speed=re.escape(speed))
    if not re.fullmatch(order, part):
        about = f"a '{device}' in package '{package}'" + (f", speed '{speed}'" if speed else "")
        return f"key 'part' must be the order name of {about}", repr(part), f"It looks like {known.example}."
    return None


_NAMED_BY = {"xc7": "Vivado", "xcup": "Vivado", "cyclonev": "Quartus"}
