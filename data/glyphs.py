"""Drawn handwriting: characters that nobody has seen, without a download.

A character is a few strokes (bars, arcs, hooks, loops, waves, corners, zigzags) that join, repeat or stand side by
side. Each of its drawings is by another hand: control points, strokes, slant, proportions, place and pen vary a
little, so that few-shot learning on glyphs is about as hard as on Omniglot (benchmarks/glyphs.py measures it).

The same seed gives the same pixels on every machine. Each character has a stream of its own, taken from PCG64's raw
output, which NumPy never changes.
"""

import math
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float64]

STROKES, POINTS = 5, 6  # at most so many strokes, each through so many control points
SAMPLES = 20  # points of the pen's track between two control points
SKETCHES = 4  # of so many sketches, the clearest becomes the character
CHARACTER_ROLLS, HAND_ROLLS = 800, 400
BLOCK = 100

# How a stroke turns from each segment to the next, times an angle in degrees; whether its corners are sharp; how
# long it is; how often it occurs.
class Shape(NamedTuple):
    turns: tuple[float, ...]
    angle: tuple[float, float]
    sharp: bool
    length: tuple[float, float]
    weight: float

SHAPES = {
    "bar": Shape((0, 0, 0, 0), (0, 0), False, (0.4, 1.1), .30),
    "arc": Shape((1, 1, 1, 1), (15, 50), False, (0.6, 1.5), .18),
    "loop": Shape((1, 1, 1, 1), (65, 85), False, (0.8, 2.0), .12),
    "hook": Shape((0, 0, 1, 1), (50, 90), False, (0.7, 1.6), .12),
    "wave": Shape((1, 1, -1, -1), (40, 80), False, (0.9, 1.8), .10),
    "corner": Shape((0, 1, 0, 0), (70, 135), True, (0.8, 1.6), .10),
    "zigzag": Shape((1, 0, -1, 0), (80, 140), True, (1.0, 2.0), .06),
    "dot": Shape((0, 0, 0, 0), (0, 0), False, (0.02, 0.06), .02),
}
COUNT = (0.12, 0.26, 0.30, 0.22, 0.10)
COMPASS = (0, 0, 90, 90, 90, 45, 135, 180, 225)
JOIN, ECHO = .6, .15
SIZE=(9.5, 18.5)
POINT, STROKE, STRETCH = .033, .033, .08
TURN, SLANT, SCALE, SHIFT = .1, .12, .12, 1.25
PEN = (.5, .72)

class Dice:
    """Uniform random numbers in [0, 1), dealt out in order.

    Args:
        numbers: float array (..., n); each call takes the next few of the last axis.
    """

    def __init__(self, numbers: Floats):
        self._numbers = numbers
        self._used = 0
        self.shape = numbers.shape[:-1]

    def roll(self, *shape: int) -> Floats:
        first, self._used = self._used, self._used + math.prod(shape)
        assert self._used <= self._numbers.shape[-1]
        return self._numbers[..., first : self._used].reshape(*self.shape, *shape)

    def between(self, low, high, *shape: int) -> Floats:
        return low + (high - low) * self.roll(*shape)

    def bell(self, *shape: int) -> Floats:
        """Nearly normal, mean 0 and deviation 1, never beyond 3: the sum of three uniform numbers."""
        return 2 * (self.roll(*shape, 3).sum(axis=-1) - 1.5)

    def choose(self, weights, *shape: int) -> npt.NDArray[np.intp]:
        return np.searchsorted(np.cumsum(weights)[:-1]/np.sum(weights), self.roll(*shape), side="right")


def sketch(dice, strokes):
    B = dice.shape[0]
    rows = np.arange(B)
    shapes = list(SHAPES.values())
    kind = dice.choose([s.weight for s in shapes], STROKES)
    angle = np.deg2rad(dice.between(*np.array([s.angle for s in shapes])[kind].transpose(2, 0, 1), STROKES))
    length = dice.between(*np.array([s.length for s in shapes])[kind].transpose(2, 0, 1), STROKES)
    soft = np.array([0. if s.sharp else 1. for s in shapes])[kind]
    turns = np.array([s.turns for s in shapes])[kind]
    turns = np.where(dice.roll(STROKES,1) < .5, turns, turns[..., ::-1])
    side = np.where(dice.roll(STROKES) < .5, 1, -1)
    heading = np.deg2rad(np.array(COMPASS)[np.floor(len(COMPASS)*dice.roll(STROKES)).astype(int)])+ .1*dice.bell(STROKES)
    wobble = .12*dice.bell(STROKES, POINTS-2)
    direction = heading[..., None] + np.concatenate([np.zeros((B,STROKES,1)), np.cumsum(turns*(angle*side)[...,None]+wobble*(soft[...,None]), axis=-1)], axis=-1)
    # the stroke's heading is that of its middle
    steps = dice.between(.7, 1.3, STROKES, POINTS-1)
    steps *= (length/steps.sum(-1))[...,None]
    path = np.zeros((B,STROKES,POINTS,2))
    path[:,:,1:] = np.cumsum(np.stack([np.cos(direction), np.sin(direction)],-1)*steps[...,None], axis=2)
    path -= path.mean(2, keepdims=True)
    join = dice.roll(STROKES); old=dice.roll(STROKES); theirs = np.array([0,0,2,3,5,5])[np.floor(6*dice.roll(STROKES)).astype(int)]
    ours = np.array([0,0,0,2,5,3])[np.floor(6*dice.roll(STROKES)).astype(int)]
    gap = dice.between(.1,.4,STROKES)
    way = np.array([(1,0),(0,1),(-1,0),(0,-1)])[np.floor(4*dice.roll(STROKES)).astype(int)]
    slide = .2*np.stack([dice.bell(STROKES),dice.bell(STROKES)],-1)
    for s in range(1, STROKES):
        other = np.floor(s*old[:,s]).astype(int)
        # echo
        echo = (join[:,s] > 1-ECHO) & (length[:,s-1]>.1)
        path[echo, s] = path[echo, s-1] - path[echo,s-1].mean(1,keepdims=True); soft[echo,s]=soft[echo,s-1]; 
        joined = path[rows, other, theirs[:,s]] - path[rows, s, ours[:,s]]
        lo, hi = path[:, :s].min((1,2)), path[:, :s].max((1,2))
        mylo, myhi = path[:, s].min(1), path[:, s].max(1)
        w = way[:,s]
        beside = np.where(w>0, hi-mylo+gap[:,s,None], np.where(w<0, lo-myhi-gap[:,s,None], (lo+hi)/2+slide[:,s]))
        pm = path[:, s-1]
        beside_echo = np.where(w>0, pm.mean(1)+gap[:,s,None]+.1, np.where(w<0, pm.mean(1)-gap[:,s,None]-.1, pm.mean(1)))
        offset = np.where(echo[:,None], beside_echo, np.where(join[:,s,None]<JOIN, joined, beside))
        path[:, s] += offset[:,None]
    drawn = np.arange(STROKES) < strokes[:, None]
    m=drawn[:,:,None,None]
    lo = np.where(m, path, np.inf).min((1,2)); hi=np.where(m,path,-np.inf).max((1,2))
    ext=(hi-lo)
    big=np.maximum(ext.max(-1,keepdims=True),.25)
    path = (path-((lo+hi)/2)[:,None,None])/big[:,None,None]
    return path, soft, drawn

def clarity(path, soft, drawn):
    t = track(path, soft)
    cell = np.floor((t+.5)*11.99).astype(int).clip(0,11)
    B=len(t)
    seen=np.zeros((B,144),bool)
    idx=(cell[...,0]*12+cell[...,1])
    r=np.broadcast_to(np.arange(B)[:,None,None,None],idx.shape); m=np.broadcast_to(drawn[:,:,None,None],idx.shape)
    seen[r[m],idx[m]]=True
    L=(np.sqrt((np.diff(t,axis=-2)**2).sum(-1)).sum((-1,-2))*drawn).sum(-1)*12
    return seen.sum(1)/(L+3)

def track(path, soft):
    tan=np.empty_like(path)
    tan[...,1:-1,:]=(path[...,2:,:]-path[...,:-2,:])/2
    tan[...,0,:]=path[...,1,:]-path[...,0,:]; tan[...,-1,:]=path[...,-1,:]-path[...,-2,:]
    tan*=soft[...,None,None]
    t=np.linspace(0,1,SAMPLES)[:,None]
    a=path[...,:-1,None,:]; b=path[...,1:,None,:]; ta=tan[...,:-1,None,:]; tb=tan[...,1:,None,:]
    return (2*t**3-3*t**2+1)*a+(t**3-2*t**2+t)*ta+(3*t**2-2*t**3)*b+(t**3-t**2)*tb

def hands(path, soft, drawn, dice, size):
    C,D=dice.shape
    z=lambda *s: np.stack([dice.bell(*s),dice.bell(*s)],-1)
    x=path[:,None]+POINT*z(STROKES,POINTS)
    mid=x.mean(3,keepdims=True)
    x=mid+(x-mid)*(1+STRETCH*z(STROKES,1))+STROKE*z(STROKES,1)
    r=TURN*dice.bell(); sh=SLANT*dice.bell(); sc=np.exp(SCALE*z())*size[:,None]
    X=x[...,0]*sc[...,0,None,None]; Y=x[...,1]*sc[...,1,None,None]
    r,sh=r[...,None,None],sh[...,None,None]
    x=np.stack([X*np.cos(r)-(Y)*np.sin(r)-sh*Y, X*np.sin(r)+Y*np.cos(r)],-1)
    x+=(SHIFT*z())[:,:,None,None]
    pen=dice.between(*PEN)
    return x, pen

def ink(c, drawn, pen, size=28):
    C,D=c.shape[:2]
    out=np.zeros((C*D,size,size),np.uint8)
    c=c+(size-1)/2
    base=np.floor(c).astype(int)
    img=np.broadcast_to(np.arange(C*D).reshape(C,D,1,1,1),c.shape[:-1])
    rr=(pen**2)[:,:,None,None,None]
    near=np.round(c).astype(int)
    for dx in (0,1):
        for dy in (0,1):
            px=base[...,0]+dx; py=base[...,1]+dy
            d=(px-c[...,0])**2+(py-c[...,1])**2
            hit=((d<=rr)|((px==near[...,0])&(py==near[...,1])))&drawn[:,None,:,None,None]&(px>=0)&(px<size)&(py>=0)&(py<size)
            out[img[hit],py[hit],px[hit]]=1
    return out.reshape(C,D,size,size)

def draw(characters, drawings=20, seed=0, size=28):
    res=[]
    for a in range(0,characters,BLOCK):
        n=range(a,min(characters,a+BLOCK))
        raw=np.stack([np.random.PCG64([seed,i]).random_raw(CHARACTER_ROLLS*SKETCHES+10+drawings*HAND_ROLLS) for i in n])
        u=(raw>>11)*2.0**-53
        own=Dice(u[:,:10]); strokes=1+own.choose(COUNT); sz=own.between(*SIZE); asp=np.exp(.15*np.stack([own.bell(),own.bell()],-1))
        rest=u[:,10:10+CHARACTER_ROLLS*SKETCHES].reshape(len(n)*SKETCHES,-1)
        p,s,d=sketch(Dice(rest),np.repeat(strokes,SKETCHES))
        best=clarity(p,s,d).reshape(len(n),SKETCHES).argmax(1)+np.arange(len(n))*SKETCHES
        p,s,d=p[best],s[best],d[best]
        x,pen=hands(p,s,d,Dice(u[:,10+CHARACTER_ROLLS*SKETCHES:].reshape(len(n),drawings,HAND_ROLLS)),sz[:,None]*asp)
        res.append(ink(track(x,s[:,None]),d,pen,size))
    return np.concatenate(res)
